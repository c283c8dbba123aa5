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

const prefix = "COUNTERSIGN_"

// PathVariable names the configuration file itself; commands read it, Load leaves it alone.
const PathVariable = prefix + "CONFIG"

// DefaultDataDir is used when nothing says otherwise.
const DefaultDataDir = "/var/lib/countersign"

// Load reads the file at path (none when path is empty), lays the COUNTERSIGN_ variables of
// environ ("NAME=value", as os.Environ gives them) over it, fills in what is missing and checks
// the whole. Relative file names in the file start at the file's folder. The error tells
// everything that is wrong, one line each; it wraps fs.ErrNotExist when there is no file.
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

// missing is the name of a configuration file that is not there.
type missing string

// Error implements error.
func (path missing) Error() string {
	return fmt.Sprintf("there is no configuration file %s; name yours with --config, or make one with: countersign init", string(path))
}

// Is makes it fs.ErrNotExist.
func (missing) Is(target error) bool { return target == fs.ErrNotExist }

// syntaxError tells the line. The decoder's own words may quote the file, so they are left out
// where the line may hold a secret.
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

// foreign reports a variable of our prefix that others set: an orchestrator tells every container of a service called
// countersign where it is (COUNTERSIGN_SERVICE_HOST, COUNTERSIGN_PORT_443_TCP, …), and the test rig names its parts.
func foreign(name string) bool {
	rest := strings.TrimPrefix(name, prefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_") || strings.HasPrefix(rest, "TEST_")
}

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

func sortErrors(problems []error) {
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
}

// nearest is the known name that takes the fewest changes to reach, the last part counting alone
// too: "port" is near "mail.smtp_port".
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

// changes is the Levenshtein distance.
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
