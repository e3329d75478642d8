package scan

// The methods of encoding/json let json.Marshal, json.Unmarshal and what builds
// on them read and write the wire form too. They cost more than AppendJSON and a
// kept Decoder, which know when a buffer or a text can be used again.

// MarshalJSON returns the wire form, see [Event.AppendJSON].
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads the wire form, see [Decoder.Event].
func (e *Event) UnmarshalJSON(b []byte) error { return (&Decoder{once: true}).Event(b, e) }

// MarshalJSON returns the wire form, see [Enriched.AppendJSON].
func (e Enriched) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads the wire form, see [Decoder.Enriched].
func (e *Enriched) UnmarshalJSON(b []byte) error { return (&Decoder{once: true}).Enriched(b, e) }

// MarshalJSON returns the wire form, see [Rejected.AppendJSON].
func (r Rejected) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

// UnmarshalJSON reads the wire form, see [Decoder.Rejected].
func (r *Rejected) UnmarshalJSON(b []byte) error { return (&Decoder{once: true}).Rejected(b, r) }

// MarshalJSON returns the wire form, see [Attributed.AppendJSON].
func (a Attributed) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// UnmarshalJSON reads the wire form, see [Decoder.Attributed].
func (a *Attributed) UnmarshalJSON(b []byte) error { return (&Decoder{once: true}).Attributed(b, a) }
