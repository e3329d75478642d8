package chdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The embedded engine in the place of the clickhouse-server of docker-compose.yml: it takes the users
// and the settings of deploy/clickhouse, as they are mounted in the server's container, and answers
// HTTP only. What an engine cannot do that has one user itself is done in front of it: who a client
// is, and the limits of readers. What each may do is decided by the grants in the file: they are
// roles here.

// element is any element of a configuration of ClickHouse's.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// child is the element below e at a path, an empty one if there is none.
func (e *element) child(path ...string) *element {
	for _, name := range path {
		i := slices.IndexFunc(e.Children, func(c element) bool { return c.XMLName.Local == name })
		if i < 0 {
			return &element{}
		}
		e = &e.Children[i]
	}
	return e
}

func (e *element) text() string { return strings.TrimSpace(e.Text) }

func readXML(file string) (*element, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := &element{}
	return e, xml.Unmarshal(text, e)
}

// serverUser is a user of users.d.
type serverUser struct {
	role   string // in the engine
	hash   string // SHA-256 of his password
	grants []string
}

// serverUsers reads users.d. The reader has the engine's own role of that name, with its limits.
func serverUsers(file *element) (map[string]serverUser, error) {
	users := map[string]serverUser{}
	for _, u := range file.child("users").Children {
		if u.attr("remove") != "" {
			continue
		}
		name := u.XMLName.Local
		user := serverUser{role: "as_" + name, hash: os.Getenv(u.child("password_sha256_hex").attr("from_env"))}
		if name == roleReader {
			user.role = roleReader
		}
		if len(user.hash) != 2*sha256.Size {
			return nil, fmt.Errorf("user %s: the environment has no hash of a password", name)
		}
		for _, g := range u.child("grants").Children {
			user.grants = append(user.grants, g.text())
		}
		users[name] = user
	}
	return users, nil
}

// elsewhere are the sections of config.d that are none of the engine's.
var elsewhere = []string{"listen_host", "logger", "query_log", "send_crash_reports"}

// serverConfig writes the configuration of the engine: what config.d says, and the users as roles.
func serverConfig(dir string, config, usersFile *element, users map[string]serverUser) (file string, err error) {
	type raw struct {
		XMLName  xml.Name `xml:"clickhouse"`
		Children []element
	}
	write := func(name string, children []element) (string, error) {
		text, err := xml.MarshalIndent(raw{Children: children}, "", "  ")
		if err != nil {
			return "", err
		}
		file := filepath.Join(dir, name)
		return file, os.WriteFile(file, text, 0o600)
	}
	node := func(name, text string, children ...element) element {
		return element{XMLName: xml.Name{Local: name}, Text: text, Children: children}
	}
	grants := func(list []string) element {
		g := node("grants", "")
		for _, query := range list {
			g.Children = append(g.Children, node("query", query))
		}
		return g
	}
	everything := node(roleWriter, "", grants([]string{"GRANT ALL ON *.*"}))
	roles, granted := node("roles", "", everything), []string{"GRANT " + roleWriter}
	for _, u := range users {
		roles.Children = append(roles.Children, node(u.role, "", grants(u.grants)))
		granted = append(granted, "GRANT "+u.role)
	}
	// Every session begins with the writer's profile.
	profile := node("default", "", usersFile.child("profiles", "whoknocks_writer").Children...)
	usersPath, err := write("users.xml", []element{
		node("profiles", "", profile), node("quotas", "", node("default", "")), roles,
		node("users", "", node("default", "",
			node("no_password", ""), node("networks", "", node("ip", "127.0.0.1")), node("profile", "default"), node("quota", "default"),
			grants(granted))),
	})
	if err != nil {
		return "", err
	}
	sections := []element{node("users_config", usersPath), node("user_directories", "", node("users_xml", "", node("path", usersPath)))}
	for _, c := range config.Children {
		if c.attr("remove") == "" && !slices.Contains(elsewhere, c.XMLName.Local) {
			sections = append(sections, c)
		}
	}
	return write("config.xml", sections)
}

// serverLogin checks the password of a request and says the user's role.
func serverLogin(users map[string]serverUser) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		name, key := credentials(r)
		sum := sha256.Sum256([]byte(key))
		if u, known := users[name]; known && sameText(hex.EncodeToString(sum[:]), u.hash) {
			return u.role, nil
		}
		return "", errLogin(name)
	}
}

// standin is clickhouse-server.
func standin(args []string) error {
	flags := flag.NewFlagSet("clickhouse-server", flag.ContinueOnError)
	configFile := flags.String("config-file", "", "")
	data := flags.String("path", "/var/lib/clickhouse", "")
	listen := flags.String("listen", "0.0.0.0:8123", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	lib, err := Find()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	opts := Options{Lib: lib, Path: *data, Listener: listener, DrainTime: 20 * time.Second, Log: log}.withDefaults()
	e, h, err := startStandin(ctx, filepath.Dir(*configFile), opts)
	if err != nil {
		return err
	}
	return serveHandler(ctx, e, h, opts)
}

// standinLock is held until the end of the process.
var standinLock io.Closer

// startStandin opens the engine on the files of a configuration folder.
func startStandin(ctx context.Context, dir string, opts Options) (*engine, *handler, error) {
	config, err := readXML(filepath.Join(dir, "config.d", "whoknocks.xml"))
	if err != nil {
		return nil, nil, err
	}
	usersFile, err := readXML(filepath.Join(dir, "users.d", "whoknocks.xml"))
	if err != nil {
		return nil, nil, err
	}
	users, err := serverUsers(usersFile)
	if err != nil {
		return nil, nil, err
	}
	reader := usersFile.child("profiles", "whoknocks_reader")
	seconds, errSeconds := strconv.Atoi(reader.child("max_execution_time").text())
	memory, errMemory := strconv.ParseInt(reader.child("max_memory_usage").text(), 10, 64)
	if err := errors.Join(errSeconds, errMemory); err != nil {
		return nil, nil, err
	}
	opts.Reader.Time, opts.Reader.Memory = time.Duration(seconds)*time.Second, memory
	if standinLock, err = lockDir(ctx, opts); err != nil {
		return nil, nil, err
	}
	file, err := serverConfig(opts.Path, config, usersFile, users)
	if err != nil {
		return nil, nil, err
	}
	e, err := startEngineWith(opts, file)
	if err != nil {
		return nil, nil, err
	}
	h, err := newHandler(e, opts)
	if err != nil {
		return nil, nil, err
	}
	h.login = serverLogin(users)
	for _, u := range users {
		h.places[u.role] = make(chan struct{}, opts.Statements)
	}
	return e, h, nil
}
