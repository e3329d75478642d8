package bus

import "strings"

// The streams. Who writes and reads them:
const (
	StreamObserved   = "OBSERVED"   // ingest writes, enrich reads and takes messages off
	StreamEnriched   = "ENRICHED"   // enrich writes; store and anybody reads, old messages stay for a while
	StreamRejected   = "REJECTED"   // lines and events that were refused, for store
	StreamAttributed = "ATTRIBUTED" // later attributions of sources, for store
	StreamDead       = "DEAD"       // messages that no handler could take, for the operator
)

// The subjects. Those of sensors end in the sensor's name.
const (
	SubjectObserved   = "scans.observed.>"
	SubjectEnriched   = "scans.enriched.>"
	SubjectRejected   = "scans.rejected.>"
	SubjectAttributed = "owners.attributed"
	SubjectDead       = "dead.>"
)

const deadPrefix = "dead."

// Observed is the subject of events of sensor as ingest read them. The name
// must be a valid sensor name, see scan.ValidSensor.
func Observed(sensor string) string { return "scans.observed." + sensor }

// Enriched is the subject of events of sensor with what is known of their sources.
func Enriched(sensor string) string { return "scans.enriched." + sensor }

// Rejected is the subject of refused lines and events of sensor.
func Rejected(sensor string) string { return "scans.rejected." + sensor }

// sensorOf is the sensor in a subject, also of a dead message; "" for none.
func sensorOf(subject string) string {
	subject = strings.TrimPrefix(subject, deadPrefix)
	rest, ok := strings.CutPrefix(subject, "scans.")
	if !ok {
		return ""
	}
	_, sensor, _ := strings.Cut(rest, ".")
	return sensor
}

// overlap tells whether a subject exists that both patterns match.
func overlap(a, b string) bool {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*", moreA != moreB:
			return false
		case !moreA:
			return true
		}
		a, b = restA, restB
	}
}
