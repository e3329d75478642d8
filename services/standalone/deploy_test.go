package standalone_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
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

// secrets is an environment as deploy/secrets.sh makes it.
func secrets() []string {
	return []string{"NATS_PASSWORD=k1", "CLICKHOUSE_PASSWORD=k2", "CLICKHOUSE_READER_PASSWORD=k3"}
}

func compose(ctx context.Context, root string, env []string) (*types.Project, error) {
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root),
		cli.WithEnv(env),
		cli.WithResolvedPaths(true),
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx) // checks the schema and that what is named exists
}

func TestComposeFile(t *testing.T) {
	root := repository(t)
	project, err := compose(t.Context(), root, secrets())
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{"clickhouse", "nats", "volumes"}, ours...)
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
	if name != "volumes" && (uid == "" || uid == "0" || uid == "root" || len(service.CapAdd) > 0) {
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
		case types.VolumeTypeBind:
			if _, err := os.Stat(mount.Source); err != nil || !mount.ReadOnly || !strings.HasPrefix(mount.Source, filepath.Join(root, "deploy")) {
				t.Errorf("%s mounts %s (read-only: %v): %v", name, mount.Source, mount.ReadOnly, err)
			}
		}
	}
}

func TestComposeNeedsSecrets(t *testing.T) {
	root := repository(t)
	for _, secret := range secrets() {
		name, _, _ := strings.Cut(secret, "=")
		rest := slices.DeleteFunc(secrets(), func(s string) bool { return s == secret })
		if _, err := compose(t.Context(), root, rest); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("compose without %s = %v, want an error that names it", name, err)
		}
	}
}

// TestEnvExample checks that .env.example says everything that the compose file
// asks for, and that secrets.sh makes a file of it that compose takes.
func TestEnvExample(t *testing.T) {
	root := repository(t)
	file := filepath.Join(t.TempDir(), ".env")
	example := filepath.Join(root, ".env.example")
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(root, "deploy", "secrets.sh"), example, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of .env is %v (%v), want it for its owner only", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	set := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		if strings.HasSuffix(name, "_PASSWORD") && len(value) != 41 {
			t.Errorf("%s is %d characters, want a letter and 40 digits", name, len(value))
		}
		set[name] = true
		env = append(env, line)
	}
	if _, err := compose(t.Context(), root, env); err != nil {
		t.Error(err)
	}
	yaml, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(yaml), "${") {
		end := strings.IndexAny(part, ":}")
		if name := part[:max(end, 0)]; strings.ToUpper(name) == name && name != "" && !strings.ContainsAny(name, " #\n") && !set[name] {
			t.Errorf(".env.example does not say %s", name)
		}
	}
}

// TestServicesTakeTheirConfiguration runs each service's own check on the file
// that its image holds and the environment that compose gives it.
func TestServicesTakeTheirConfiguration(t *testing.T) {
	root := repository(t)
	project, err := compose(t.Context(), root, secrets())
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
			check.Env = append(check.Env, key+"="+*value)
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s refuses its configuration: %v\n%s", name, err, out)
		}
	}
}

func TestNATSConfiguration(t *testing.T) {
	t.Setenv("NATS_PASSWORD", "k1")
	options, err := natsserver.ProcessConfigFile(filepath.Join(repository(t), "deploy", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !options.JetStream || !options.SyncAlways || options.StoreDir != "/data" {
		t.Errorf("JetStream %v, sync always %v, store %q: want acknowledged messages on the volume's disk",
			options.JetStream, options.SyncAlways, options.StoreDir)
	}
	if options.Username != "whoknocks" || options.Password != "k1" {
		t.Errorf("user %q, password %q: want those of the environment", options.Username, options.Password)
	}
	if options.HTTPHost != "127.0.0.1" {
		t.Errorf("monitoring on %q, want it within the container", options.HTTPHost)
	}
}

func TestClickHouseConfigurationIsWellFormed(t *testing.T) {
	root := repository(t)
	files, err := filepath.Glob(filepath.Join(root, "deploy", "clickhouse", "*", "*.xml"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files = %q, %v; want config.d and users.d", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first := ""
		for decoder := xml.NewDecoder(bytes.NewReader(text)); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if start, ok := token.(xml.StartElement); ok && first == "" {
				first = start.Name.Local
			}
		}
		if first != "clickhouse" {
			t.Errorf("%s begins with <%s>, want <clickhouse>", file, first)
		}
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
	for _, name := range ours {
		if !strings.Contains(dockerfile, "\nFROM service AS image-"+name+"\n") {
			t.Errorf("the Dockerfile has no stage for %s", name)
		}
	}
}

// TestServerVersions checks that the bus of the stack is the one that the
// binary embeds and the tests run with.
func TestServerVersions(t *testing.T) {
	project, err := compose(t.Context(), repository(t), secrets())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := project.Services["nats"].Image, "nats:"+natsserver.VERSION+"-alpine"; got != want {
		t.Errorf("image of the bus = %q, want %q", got, want)
	}
}
