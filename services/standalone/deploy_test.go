package standalone_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/whoknocks/whoknocks/services/internal/assets"
)

// The stack's files are read here by the parsers of those that will read them:
// compose's, the NATS server's, each service's own.

// ours are the services built from this repository.
var ours = []string{"enrich", "ingest", "report", "store"}

func repository(t *testing.T) string {
	t.Helper()
	root, err := assets.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func compose(ctx context.Context, root string, env []string) (*types.Project, error) {
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root),
		cli.WithEnv(env),
		cli.WithResolvedPaths(true),
		cli.WithProfiles([]string{"tools"}),
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx) // checks the schema and that what is named exists
}

func TestComposeFile(t *testing.T) {
	root := repository(t)
	project, err := compose(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{"backup", "clickhouse", "init", "nats", "setup", "whoknocks"}, ours...)
	slices.Sort(want)
	if got := project.ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("services = %q, want %q", got, want)
	}
	for name, service := range project.Services {
		checkContained(t, name, service)
		checkPorts(t, name, service)
		checkMounts(t, root, name, service)
		if service.Restart == types.RestartPolicyNo {
			continue // runs to its end before the others start
		}
		if service.HealthCheck == nil || len(service.HealthCheck.Test) == 0 || service.HealthCheck.Disable {
			t.Errorf("%s has no health check", name)
		}
		for on, dependency := range service.DependsOn {
			want := types.ServiceConditionHealthy
			if project.Services[on].Restart == types.RestartPolicyNo {
				want = types.ServiceConditionCompletedSuccessfully
			}
			if dependency.Condition != want {
				t.Errorf("%s depends on %s with condition %q, want %q", name, on, dependency.Condition, want)
			}
		}
	}
	for _, name := range ours {
		service := project.Services[name]
		if service.Build == nil || service.Build.Args["SERVICE"] == nil || *service.Build.Args["SERVICE"] != name {
			t.Errorf("%s is not built with SERVICE=%s", name, name)
		}
		if len(service.DependsOn) == 0 {
			t.Errorf("%s depends on nothing", name)
		}
	}
}

// checkContained checks that what breaks into a container gets nowhere.
func checkContained(t *testing.T, name string, service types.ServiceConfig) {
	t.Helper()
	if !service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"}) || service.Privileged ||
		!slices.Contains(service.SecurityOpt, "no-new-privileges:true") {
		t.Errorf("%s: want a read-only root, no capabilities and no new privileges", name)
	}
	uid, _, _ := strings.Cut(service.User, ":")
	if name != "init" && name != "backup" && (uid == "" || uid == "0" || uid == "root" || len(service.CapAdd) > 0) {
		t.Errorf("%s runs as %q with capabilities %q, want a number other than 0 and none", name, service.User, service.CapAdd)
	}
	if service.MemLimit == 0 || service.PidsLimit == 0 {
		t.Errorf("%s has no memory or process limit", name)
	}
	if tag := service.Image[strings.LastIndexByte(service.Image, ':')+1:]; tag == service.Image || tag == "latest" {
		t.Errorf("%s: image %q is not pinned", name, service.Image)
	}
}

func checkPorts(t *testing.T, name string, service types.ServiceConfig) {
	t.Helper()
	for _, port := range service.Ports {
		ip := net.ParseIP(port.HostIP)
		syslog := name == "ingest" && port.Target == 5514
		if !syslog && (ip == nil || !ip.IsLoopback()) {
			t.Errorf("%s publishes port %s on %q, want loopback", name, port.Published, port.HostIP)
		}
	}
}

// checkMounts checks that what is written is in named volumes, and that what is
// mounted from the repository is there and read-only.
func checkMounts(t *testing.T, root, name string, service types.ServiceConfig) {
	t.Helper()
	for _, mount := range service.Volumes {
		switch mount.Type {
		case types.VolumeTypeVolume:
			if mount.Source == "" {
				t.Errorf("%s: volume on %s has no name", name, mount.Target)
			}
			if mount.Source == "secrets" && name != "init" && name != "backup" && !mount.ReadOnly {
				t.Errorf("%s may write passwords", name)
			}
		case types.VolumeTypeBind:
			switch mount.Source {
			case filepath.Join(root, "logs"):
				if !mount.ReadOnly {
					t.Errorf("%s may write logs", name)
				}
				continue
			case filepath.Join(root, "backups"):
				continue
			}
			if _, err := os.Stat(mount.Source); err != nil || !mount.ReadOnly || !strings.HasPrefix(mount.Source, filepath.Join(root, "deploy")) {
				t.Errorf("%s mounts %s (read-only: %v): %v", name, mount.Source, mount.ReadOnly, err)
			}
		}
	}
}

// TestUsersOfContainers checks that no container can read the passwords of another: each has a user
// of its own, the one that init gives its files to.
func TestUsersOfContainers(t *testing.T) {
	project, err := compose(t.Context(), repository(t), []string{"LOGS_USER=1000:1000"})
	if err != nil {
		t.Fatal(err)
	}
	given := project.Services["init"].Environment
	taken := map[string]string{}
	for name, service := range project.Services {
		key := strings.ToUpper(name) + "_USER"
		switch name {
		case "init", "backup":
			continue
		case "setup":
			key = "WHOKNOCKS_USER" // the same program
		default:
			if other, twice := taken[service.User]; twice {
				t.Errorf("%s and %s run as the same user %s", name, other, service.User)
			}
			taken[service.User] = name
		}
		if given[key] == nil || *given[key] != service.User {
			t.Errorf("%s runs as %s, and init's %s is another", name, service.User, key)
		}
	}
}

// TestInit runs init.sh: it makes passwords once, takes those that it is given, hands each service
// files of the form that it reads, and refuses what no configuration could hold.
func TestInit(t *testing.T) {
	root := repository(t)
	dir := t.TempDir()
	run := func(env []string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{filepath.Join(root, "deploy", "init.sh")}, args...)...)
		cmd.Env = append(os.Environ(), "SECRETS="+dir)
		for _, name := range []string{"NATS", "CLICKHOUSE", "INGEST", "ENRICH", "STORE", "REPORT", "WHOKNOCKS"} {
			cmd.Env = append(cmd.Env, name+"_USER=1:1")
		}
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if out, err := run(nil); err != nil {
		t.Fatalf("init.sh: %v\n%s", err, out)
	}
	first := read("passwords")
	values := map[string]string{}
	for line := range strings.Lines(first) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if len(value) != 41 || values[value] != "" {
			t.Errorf("%s is %q, want a letter and 40 digits, unlike the others", name, value)
		}
		values[value] = name
	}
	if len(values) != 8 {
		t.Errorf("there are %d passwords, want 8:\n%s", len(values), first)
	}
	if out, err := run([]string{"CLICKHOUSE_READER_PASSWORD=mine"}); err != nil {
		t.Fatalf("init.sh: %v\n%s", err, out)
	}
	second := read("passwords")
	if before, after := strings.Split(first, "\n"), strings.Split(second, "\n"); !slices.Equal(before[:7], after[:7]) || after[7] != "CLICKHOUSE_READER_PASSWORD=mine" {
		t.Errorf("passwords became\n%s\nwant\n%s\nwith that of the reader alone another", second, first)
	}
	sum := sha256.Sum256([]byte("mine"))
	if text := read("clickhouse.env"); !strings.Contains(text, "export CLICKHOUSE_READER_SHA256="+hex.EncodeToString(sum[:])+"\n") || strings.Contains(text, "PASSWORD") {
		t.Errorf("clickhouse.env is\n%s", text)
	}
	if got, want := read("report.dsn"), "http://reader:mine@clickhouse:8123/whoknocks\n"; got != want {
		t.Errorf("report.dsn is %q, want %q", got, want)
	}
	if text := read("nats.env"); strings.Count(text, "export NATS_") != 5 || strings.Contains(text, "CLICKHOUSE") {
		t.Errorf("nats.env is\n%s", text)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o277 != 0 && e.Name() != "passwords" || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want it for one user", e.Name(), info.Mode())
		}
	}
	if out, err := run(nil, "show", "reader"); err != nil || out != "mine\n" {
		t.Errorf("show reader = %q, %v", out, err)
	}
	if out, err := run(nil, "show", "subscriber"); err != nil || len(out) != 42 {
		t.Errorf("show subscriber = %q, %v", out, err)
	}
	if out, err := run(nil, "show", "nobody"); err == nil || !strings.Contains(out, "reader") {
		t.Errorf("show nobody = %q, %v; want an error that says which there are", out, err)
	}
	for _, bad := range []string{"1a", "a b", "a'b", "a;b", "a$b", "a\nb", "ä"} {
		if out, err := run([]string{"NATS_STORE_PASSWORD=" + bad}); err == nil || !strings.Contains(out, "NATS_STORE_PASSWORD") {
			t.Errorf("init.sh takes the password %q: %s", bad, out)
		}
	}
	if now := read("passwords"); now != second {
		t.Errorf("a password that was refused has changed the others:\n%s", now)
	}
}

// TestEnvExample checks that .env.example says everything that the compose file asks for, with the
// default that it has, and nothing else.
func TestEnvExample(t *testing.T) {
	root := repository(t)
	text, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			said[name] = value
		}
	}
	yaml, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):-([^}]*)\}`).FindAllStringSubmatch(string(yaml), -1) {
		if before, twice := asked[m[1]]; twice && before != m[2] {
			t.Errorf("%s has the defaults %q and %q", m[1], before, m[2])
		}
		asked[m[1]] = m[2]
	}
	if n := strings.Count(string(yaml), "${"); n < len(asked) || len(asked) < 15 {
		t.Errorf("found %d settings in %d places", len(asked), n)
	}
	if diff := cmp.Diff(asked, said); diff != "" {
		t.Errorf("settings and .env.example mismatch (-compose file +.env.example):\n%s", diff)
	}
}

// TestServicesTakeTheirConfiguration runs each service's own check on the file
// that its image holds and the environment that compose gives it.
func TestServicesTakeTheirConfiguration(t *testing.T) {
	root := repository(t)
	project, err := compose(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ours {
		binary := filepath.Join(t.TempDir(), name)
		build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./services/"+name+"/cmd/"+name)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
		check := exec.CommandContext(t.Context(), binary, "--check", "--config", filepath.Join(root, "deploy", "config", name+".yaml"))
		for key, value := range project.Services[name].Environment {
			secret := filepath.Join(t.TempDir(), "secret")
			if file, ok := strings.CutPrefix(*value, "/secrets/"); ok {
				content := "k1"
				if strings.HasSuffix(file, ".dsn") {
					content = "http://reader:k1@clickhouse:8123/whoknocks"
				}
				if err := os.WriteFile(secret, []byte(content+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				*value = secret
			}
			check.Env = append(check.Env, key+"="+*value)
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s refuses its configuration: %v\n%s", name, err, out)
		}
	}
}

func TestNATSConfiguration(t *testing.T) {
	for user := range natsUsers {
		t.Setenv("NATS_"+strings.ToUpper(user)+"_PASSWORD", "k"+user)
	}
	options, err := natsserver.ProcessConfigFile(filepath.Join(repository(t), "deploy", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !options.JetStream || !options.SyncAlways || options.StoreDir != "/data" {
		t.Errorf("JetStream %v, sync always %v, store %q: want acknowledged messages on the volume's disk",
			options.JetStream, options.SyncAlways, options.StoreDir)
	}
	for _, u := range options.Users {
		if _, known := natsUsers[u.Username]; !known || u.Password != "k"+u.Username {
			t.Errorf("user %q has password %q, want that of the environment", u.Username, u.Password)
		}
		if u.Username != "admin" && (u.Permissions == nil || u.Permissions.Publish == nil || u.Permissions.Subscribe == nil) {
			t.Errorf("user %q may do everything", u.Username)
		}
	}
	if len(options.Users) != len(natsUsers) || options.Username != "" || options.NoAuthUser != "" {
		t.Errorf("%d users, one for all %q, one for nobody %q", len(options.Users), options.Username, options.NoAuthUser)
	}
	if options.HTTPHost != "127.0.0.1" {
		t.Errorf("monitoring on %q, want it within the container", options.HTTPHost)
	}
}

// TestDockerfile checks what a build of the images would only tell late: that
// each module of the workspace is known to it, and each service has its stage.
func TestDockerfile(t *testing.T) {
	root := repository(t)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	dockerfile := read("deploy/Dockerfile")
	modules := 0
	for line := range strings.Lines(read("go.work")) {
		dir, ok := strings.CutPrefix(strings.TrimSpace(line), "./")
		if !ok {
			continue
		}
		modules++
		if copied := "\nCOPY " + dir + "/go.mod " + dir + "/go.sum " + dir + "/\n"; !strings.Contains(dockerfile, copied) {
			t.Errorf("the Dockerfile lacks %q", strings.TrimSpace(copied))
		}
	}
	if modules < 8 {
		t.Errorf("found %d modules in go.work", modules)
	}
	for _, name := range append([]string{"whoknocks"}, ours...) {
		if !strings.Contains(dockerfile, "\nFROM service AS image-"+name+"\n") {
			t.Errorf("the Dockerfile has no stage for %s", name)
		}
	}
}

// TestServerVersions checks that the bus of the stack is the one that the
// binary embeds and the tests run with.
func TestServerVersions(t *testing.T) {
	project, err := compose(t.Context(), repository(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := project.Services["nats"].Image, "nats:"+natsserver.VERSION+"-alpine"; got != want {
		t.Errorf("image of the bus = %q, want %q", got, want)
	}
}
