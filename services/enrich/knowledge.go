package enrich

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whoknocks/whoknocks/pkg/scan"
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
	local    []localSource // the first that knows a fact decides
	dataAt   time.Time     // date of the data that is asked first, for metrics
}

// The files that `make deps` fetches.
var (
	fetchedASN     = []string{"@ip-location-db/asn/asn-ipv4.csv", "@ip-location-db/asn/asn-ipv6.csv"}
	fetchedCountry = []string{
		"@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv4.csv",
		"@ip-location-db/geo-whois-asn-country/geo-whois-asn-country-ipv6.csv",
	}
)

// load reads every file that cfg names, at the same time. Fetched data that is
// not there is a warning: events then pass with less.
func load(cfg Config, log *slog.Logger) (*knowledge, error) {
	k := &knowledge{}
	var err error
	if k.rules, err = rules.Load(ruleFiles(cfg.Rules, shippedRules, log)...); err != nil {
		return nil, err
	}
	if k.research, err = rules.Load(ruleFiles(cfg.Research, shippedResearch, log)...); err != nil {
		return nil, err
	}
	for _, file := range cfg.MMDB {
		db, err := mmdb.Open(file)
		if err != nil {
			return nil, err
		}
		k.local = append(k.local, db)
	}
	var g errgroup.Group
	var as, co localSource
	g.Go(func() (err error) {
		as, err = csv("AS data", cfg.ASN, fetchedASN, log, asn.Load)
		return err
	})
	g.Go(func() (err error) {
		co, err = csv("country data", cfg.Country, fetchedCountry, log, country.Load)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, s := range []localSource{as, co} {
		if s != nil {
			k.local = append(k.local, s)
		}
	}
	if len(k.local) > 0 {
		k.dataAt = k.local[0].AsOf()
	}
	return k, nil
}

// The files of rules that ship with the program.
const (
	shippedRules    = "owners.yaml"
	shippedResearch = "research.yaml"
)

// ruleFiles puts the shipped rules after those of the user.
func ruleFiles(named []string, shipped string, log *slog.Logger) []string {
	if slices.Contains(named, None) {
		return slices.DeleteFunc(slices.Clone(named), func(f string) bool { return f == None })
	}
	file, err := assets.Find(shipped)
	if err != nil {
		log.Warn("rules are missing", "file", shipped, "error", err)
		return named
	}
	return append(slices.Clone(named), file)
}

// A csvSource is a localSource that tells its size.
type csvSource interface {
	localSource
	Rows() int
}

// csv loads the files that are named, else those that were fetched.
func csv[S csvSource](what string, named, fetched []string, log *slog.Logger, load func(...string) (S, error)) (localSource, error) {
	files := named
	switch {
	case len(named) == 1 && named[0] == None:
		return nil, nil
	case len(named) == 0:
		for _, rel := range fetched {
			file, err := assets.Find(rel)
			if errors.Is(err, assets.ErrNotFound) {
				log.Warn("ip data is missing", "data", what, "error", err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			files = append(files, file)
		}
		if len(files) == 0 {
			return nil, nil
		}
	}
	start := time.Now()
	s, err := load(files...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	log.Info("ip data loaded", "data", what, "rows", s.Rows(), "as_of", s.AsOf().Format(time.DateOnly), "took", time.Since(start).Round(time.Millisecond))
	return s, nil
}

// epoch numbers the spans of time in which the same rules are valid; see
// rules.Set.Epoch.
func (k *knowledge) epoch(at time.Time) int { return k.rules.Epoch(at) + k.research.Epoch(at) }

// project returns the evidence that an address is a research project's at a
// time, or "": its prefix, its AS, or a name that its registration has.
func (k *knowledge) project(addr netip.Addr, f *scan.Facts, at time.Time) string {
	m, ok := k.research.Addr(addr, at)
	if !ok && f.ASN != 0 {
		m, _, ok = k.research.AS(f.ASN, f.ASName, at)
	}
	if !ok {
		m, ok = k.research.Name(at, f.Owner, f.Registrant)
	}
	if !ok {
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
