package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// prefix begins the name of every variable of the environment.
const prefix = "COUNTERSIGN_"

// PathVariable is the variable that names the configuration file itself. Commands read it; Load ignores it.
const PathVariable = prefix + "CONFIG"

// DefaultDataDir is the data folder when neither file nor environment names one.
const DefaultDataDir = "/var/lib/countersign"

// Load reads the file at path, overrides it with the COUNTERSIGN_ variables of environ, fills in what is missing and
// validates the result. An empty path means that there is no file. environ holds "NAME=value" as os.Environ returns
// it. Relative file names in the file start at the file's folder. The error lists every mistake on a line of its own;
// it wraps fs.ErrNotExist when there is no file at path. It never shows a secret.
func Load(path string, environ []string) (Config, error) {
	c := Default(DefaultDataDir)
	c.MasterKeyFile = ""
	settings := c.settings()
	var problems []error
	if path != "" {
		found, err := readFile(path)
		if err != nil {
			return Config{}, err
		}
		whole, err := filepath.Abs(path)
		if err != nil {
			return Config{}, err
		}
		problems = append(problems, apply(settings, found, filepath.Dir(whole))...)
	}
	problems = append(problems, applyEnviron(settings, environ)...)
	if len(problems) > 0 {
		return Config{}, fmt.Errorf("the configuration has mistakes:\n%w", errors.Join(problems...))
	}
	c.Complete()
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// readFile reads TOML into a flat map with keys such as "mail.smtp_host". An empty section is a key that ends with a
// dot, so that apply can tell a known section from an unknown one.
func readFile(path string) (map[string]any, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(path)
	}
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if _, err := toml.Decode(string(raw), &tree); err != nil {
		return nil, syntaxError(path, string(raw), err)
	}
	flat := map[string]any{}
	for name, value := range tree {
		section, ok := value.(map[string]any)
		if !ok {
			flat[name] = value
			continue
		}
		if len(section) == 0 {
			flat[name+"."] = nil
		}
		for field, value := range section {
			flat[name+"."+field] = value
		}
	}
	return flat, nil
}

// missing is the error for a configuration file that does not exist; its value is the path.
type missing string

// Error implements error.
func (path missing) Error() string {
	return fmt.Sprintf("there is no configuration file %s; name yours with --config, or make one with: countersign init", string(path))
}

// Is makes it fs.ErrNotExist.
func (missing) Is(target error) bool { return target == fs.ErrNotExist }

// syntaxError names the line of a mistake. The decoder's message may quote the file, so it is left out where the
// lines nearby may hold a secret.
func syntaxError(path, text string, err error) error {
	var syntax toml.ParseError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("%s is not TOML", path)
	}
	at := syntax.Position.Line
	lines := strings.Split(text, "\n")
	nearby := strings.ToLower(strings.Join(lines[max(0, min(at-2, len(lines))):min(at, len(lines))], " ") + syntax.LastKey)
	if strings.Contains(nearby, "password") || strings.Contains(nearby, "url") {
		return fmt.Errorf("%s, line %d: not TOML; texts stand in quotes: name = \"value\"", path, at)
	}
	return fmt.Errorf("%s, line %d: %s", path, at, syntax.Message)
}

// apply stores the values of a file. It reports values of a wrong kind and settings that do not exist. folder is the
// absolute folder of the file.
func apply(settings []setting, found map[string]any, folder string) []error {
	var problems []error
	var known []string
	for _, s := range settings {
		known = append(known, s.key)
		value, ok := found[s.key]
		if !ok {
			continue
		}
		if err := s.set(value); err != nil {
			problems = append(problems, err)
		}
		if name, ok := s.to.(*string); ok && s.path && *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(folder, *name)
		}
	}
	for key := range found {
		emptySection := strings.HasSuffix(key, ".") && slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, key) })
		if !slices.Contains(known, key) && !emptySection {
			problems = append(problems, fmt.Errorf("there is no setting %s; did you mean %s?", strings.TrimSuffix(key, "."), nearest(key, known)))
		}
	}
	sortErrors(problems)
	return problems
}

// foreign reports a variable with this prefix that is not a setting. Kubernetes gives every container the address of a
// service called countersign (COUNTERSIGN_SERVICE_HOST, COUNTERSIGN_PORT_443_TCP, …). The tests use TEST_.
func foreign(name string) bool {
	rest := strings.TrimPrefix(name, prefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_") || strings.HasPrefix(rest, "TEST_")
}

// applyEnviron stores the values of the environment, with the same reports as apply.
func applyEnviron(settings []setting, environ []string) []error {
	var problems []error
	known := map[string]setting{}
	var names []string
	for _, s := range settings {
		known[s.variable()] = s
		names = append(names, s.variable())
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == PathVariable || foreign(name) {
			continue
		}
		s, ok := known[name]
		if !ok {
			problems = append(problems, fmt.Errorf("there is no variable %s; did you mean %s?", name, nearest(name, names)))
			continue
		}
		if err := s.setText(value); err != nil {
			problems = append(problems, err)
		}
	}
	sortErrors(problems)
	return problems
}

// sortErrors gives the list of mistakes one order, because maps have none.
func sortErrors(problems []error) {
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
}

// nearest returns the known name that is most similar to name. Names are compared as a whole and by their last part,
// so that "port" finds "mail.smtp_port".
func nearest(name string, known []string) string {
	best, least := "", 1<<30
	for _, candidate := range known {
		cost := min(changes(name, candidate), 1+changes(lastPart(name), lastPart(candidate)))
		if cost < least {
			best, least = candidate, cost
		}
	}
	return best
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// changes is the Levenshtein distance in bytes.
func changes(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
