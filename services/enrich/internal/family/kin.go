package family

import (
	"strings"
	"sync"
	"time"
)

// maxKin bounds what Kin remembers, some 20 MB. Beyond it nothing more is learnt.
const maxKin = 1 << 16

// Kin remembers the names that registries gave with an organisation's handle or with
// a mailbox for complaints, so that the next of the same organisation finds the
// first. It is safe for concurrent use; the zero Kin is ready.
type Kin struct {
	mu    sync.RWMutex
	first map[string]relative
}

type relative struct {
	Name
	at time.Time
}

// keys are by what n finds its kin: its handle, and its mailbox with its core.
func keys(n Name) (list []string) {
	if n.Registry != "" && n.Handle != "" {
		list = append(list, "handle "+n.Registry+" "+n.Handle)
	}
	if d := domain(n.AbuseDomain); d != "" && !sharedDomain[d] {
		if p := parse(n.Text); p.key() != "" {
			list = append(list, "abuse "+d+" "+p.key())
		}
	}
	return list
}

// Learn remembers a name that was learnt at a time. The earliest of a kin is the one
// that the others find; of two at one time it is the first in the alphabet, so that
// all who know the same say the same. It reports whether anything is new.
func (k *Kin) Learn(n Name, at time.Time) (news bool) {
	if n.Text == "" {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.first == nil {
		k.first = map[string]relative{}
	}
	for _, key := range keys(n) {
		have, ok := k.first[key]
		switch {
		case !ok && len(k.first) >= maxKin:
		case !ok, at.Before(have.at), at.Equal(have.at) && strings.Compare(n.Text, have.Text) < 0:
			k.first[key] = relative{n, at}
			news = true
		}
	}
	return news
}

// Of returns the first name of n's kin that is written in another way. Whether the
// two are of one owner is for [Index.Same] to say.
func (k *Kin) Of(n Name) (first Name, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if len(k.first) == 0 {
		return Name{}, false
	}
	for _, key := range keys(n) {
		if r, ok := k.first[key]; ok && r.Text != n.Text {
			return r.Name, true
		}
	}
	return Name{}, false
}
