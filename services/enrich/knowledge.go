package enrich

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/scan"
	"github.com/whoknocks/whoknocks/services/enrich/internal/family"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/asn"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/country"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/mmdb"
	"github.com/whoknocks/whoknocks/services/enrich/internal/source/rules"
	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// A localSource answers at once, from a file.
type localSource interface {
	Lookup(netip.Addr) (source.Fact, bool)
	AsOf() time.Time
}

// knowledge is what is known without asking anybody: read-only once loaded.
type knowledge struct {
	rules *rules.Set
	// research are the projects that scan in public, as rules whose owners they
	// are.
	research *rules.Set
	families *family.Index // of the AS data
	local    []localSource // the first that knows a fact decides
	data     []dataset     // in the order of local
}

// dataset is one kind of IP data, as of when.
type dataset struct {
	What string    `json:"what"`
	AsOf time.Time `json:"as_of"` // the zero time if nobody knows
}

// The files that `make deps` fetches.
var (
	fetchedASN     = []string{"@ip-location-db/asn/asn-ipv4.csv", "@ip-location-db/asn/asn-ipv6.csv"}
	fetchedCountry = []string{
		"@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv4.csv",
		"@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv6.csv",
	}
)

// The kinds of IP data.
const (
	dataMMDB    = "mmdb"
	dataASN     = "asn"
	dataCountry = "country"
)

// The files of rules that ship with the program.
const (
	shippedRules    = "owners.yaml"
	shippedResearch = "research.yaml"
)

// library reads the files that a configuration names, and again those that have
// changed since. It is for one goroutine.
type library struct {
	log             *slog.Logger
	rules, research part[*rules.Set]
	mmdb            part[[]localSource]
	asn, country    part[localSource]

	families *family.Index
	of       [2]localSource // asn and country, of which families are
}

func newLibrary(cfg Config, log *slog.Logger) *library {
	l := &library{log: log}
	l.rules = part[*rules.Set]{files: func() ([]string, error) { return ruleFiles(cfg.Rules, shippedRules) }, load: rules.Load}
	l.research = part[*rules.Set]{files: func() ([]string, error) { return ruleFiles(cfg.Research, shippedResearch) }, load: rules.Load}
	l.mmdb = part[[]localSource]{files: func() ([]string, error) { return cfg.MMDB, nil }, load: openMMDB}
	l.asn = part[localSource]{
		files: func() ([]string, error) { return dataFiles(cfg.ASN, fetchedASN) },
		load:  func(files ...string) (localSource, error) { return csv(dataASN, files, log, asn.Load) },
	}
	l.country = part[localSource]{
		files: func() ([]string, error) { return dataFiles(cfg.Country, fetchedCountry) },
		load:  func(files ...string) (localSource, error) { return csv(dataCountry, files, log, country.Load) },
	}
	return l
}

// load reads every file, at the same time. What ships or was fetched and is not
// there is a warning: events then pass with less.
func (l *library) load() (*knowledge, error) {
	var g errgroup.Group
	for _, p := range l.parts() {
		g.Go(func() error { return p.first(l.log) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return l.knowledge(), nil
}

// reload reads again what has changed and stays as it is between two calls. It
// returns nil if there is nothing new. What cannot be read is an error and no
// news: what was read before stays in force, and the files are read again when
// they change again.
func (l *library) reload() (*knowledge, error) {
	var errs []error
	news := false
	for _, p := range l.parts() {
		changed, err := p.again()
		news = news || changed
		errs = append(errs, err)
	}
	if !news {
		return nil, errors.Join(errs...)
	}
	return l.knowledge(), errors.Join(errs...)
}

func (l *library) parts() []readable {
	return []readable{&l.rules, &l.research, &l.mmdb, &l.asn, &l.country}
}

func (l *library) knowledge() *knowledge {
	k := &knowledge{rules: l.rules.value, research: l.research.value, families: l.familiesOf(l.asn.value, l.country.value)}
	add := func(what string, s localSource) {
		if s != nil {
			k.local = append(k.local, s)
			k.data = append(k.data, dataset{What: what, AsOf: s.AsOf()})
		}
	}
	for _, s := range l.mmdb.value {
		add(dataMMDB, s)
	}
	add(dataASN, l.asn.value)
	add(dataCountry, l.country.value)
	return k
}

// readable is a part of whatever it is made into.
type readable interface {
	first(*slog.Logger) error
	again() (changed bool, err error)
}

// familiesOf finds the families of the systems in AS data, half a second of work
// when there is new data.
func (l *library) familiesOf(systems, countries localSource) *family.Index {
	if l.families != nil && l.of == [2]localSource{systems, countries} {
		return l.families
	}
	l.families, l.of = new(family.Index), [2]localSource{systems, countries}
	if data, ok := systems.(*asn.Source); ok {
		l.families = family.Families(family.Systems(data.Networks(), func(addr netip.Addr) string {
			if countries == nil {
				return ""
			}
			f, _ := countries.Lookup(addr)
			return f.Country
		}))
	}
	return l.families
}

// part is what is made of some files.
type part[T any] struct {
	files func() ([]string, error) // those that are there; the error tells of others
	load  func(...string) (T, error)
	value T
	read  string // the state of the files that value, or the last attempt at it, is of
	last  string // their state when somebody last looked
}

func (p *part[T]) first(log *slog.Logger) (err error) {
	files, missing := p.files()
	if missing != nil {
		log.Warn("files are missing", "error", missing)
	}
	p.read = stateOf(files)
	p.last = p.read
	p.value, err = p.load(files...)
	return err
}

func (p *part[T]) again() (changed bool, err error) {
	files, _ := p.files()
	state := stateOf(files)
	settled := state == p.last
	p.last = state
	if state == p.read || !settled {
		return false, nil
	}
	p.read = state
	value, err := p.load(files...)
	if err != nil {
		return false, err
	}
	p.value = value
	return true, nil
}

// stateOf changes when a file is replaced, written, added or gone.
func stateOf(files []string) string {
	var b strings.Builder
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", file, err)
			continue
		}
		fmt.Fprintf(&b, "%s: %d %d\n", file, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// ruleFiles puts the shipped rules after those of the user.
func ruleFiles(named []string, shipped string) ([]string, error) {
	if slices.Contains(named, None) {
		return slices.DeleteFunc(slices.Clone(named), func(f string) bool { return f == None }), nil
	}
	file, err := assets.Find(shipped)
	if err != nil {
		return named, err
	}
	return append(slices.Clone(named), file), nil
}

// dataFiles are those that are named, else those that were fetched.
func dataFiles(named, fetched []string) (files []string, missing error) {
	if len(named) == 1 && named[0] == None {
		return nil, nil
	}
	if len(named) > 0 {
		return named, nil
	}
	for _, rel := range fetched {
		file, err := assets.Find(rel)
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		files = append(files, file)
	}
	return files, missing
}

func openMMDB(files ...string) (dbs []localSource, err error) {
	for _, file := range files {
		db, err := mmdb.Open(file)
		if err != nil {
			return nil, err
		}
		dbs = append(dbs, db)
	}
	return dbs, nil
}

// A csvSource is a localSource that tells its size.
type csvSource interface {
	localSource
	Rows() int
}

// csv loads files, if there are any.
func csv[S csvSource](what string, files []string, log *slog.Logger, load func(...string) (S, error)) (localSource, error) {
	if len(files) == 0 {
		return nil, nil
	}
	start := time.Now()
	s, err := load(files...)
	if err != nil {
		return nil, fmt.Errorf("%s data: %w", what, err)
	}
	log.Info("ip data loaded", "data", what, "rows", s.Rows(), "as_of", s.AsOf().Format(time.DateOnly), "took", time.Since(start).Round(time.Millisecond))
	return s, nil
}

// age is that of the oldest data of a kind, 0 if there is none.
func (k *knowledge) age(what string) (oldest time.Duration) {
	for _, d := range k.data {
		if d.What == what && !d.AsOf.IsZero() {
			oldest = max(oldest, time.Since(d.AsOf))
		}
	}
	return oldest
}

// epoch numbers the spans of time in which the same rules are valid; see
// rules.Set.Epoch.
func (k *knowledge) epoch(at time.Time) int { return k.rules.Epoch(at) + k.research.Epoch(at) }

// project returns the evidence that an address is a research project's at a
// time, or "": its prefix, its AS, a name that its registration has, or host, its
// confirmed name in the DNS, if that is known.
func (k *knowledge) project(addr netip.Addr, f *scan.Facts, host string, at time.Time) string {
	m, ok := k.research.Addr(addr, at)
	if !ok && f.ASN != 0 {
		m, _, ok = k.research.AS(f.ASN, f.ASName, at)
	}
	if !ok {
		m, ok = k.research.Name(at, f.Owner, f.Registrant)
	}
	if !ok {
		if m, ok = k.research.Host(host, at); ok {
			return m.Owner + " scans for research (" + m.Why + ": its name is " + host + ", confirmed)"
		}
		return ""
	}
	return m.Owner + " scans for research (" + m.Why + ")"
}

// lookup gathers what the local sources know about addr. AsOf is the date of
// the source that knew the AS.
func (k *knowledge) lookup(addr netip.Addr) (f source.Fact) {
	var countryAt time.Time
	for _, s := range k.local {
		if f.ASN != 0 && f.Country != "" {
			break
		}
		got, ok := s.Lookup(addr)
		if !ok {
			continue
		}
		if f.ASN == 0 && got.ASN != 0 {
			f.ASN, f.ASName, f.Network, f.AsOf = got.ASN, got.ASName, got.Network, got.AsOf
		}
		if f.Country == "" && got.Country != "" {
			f.Country, countryAt = got.Country, got.AsOf
		}
	}
	if f.AsOf.IsZero() {
		f.AsOf = countryAt
	}
	return f
}
