package config

import (
	"bytes"
	"net/netip"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"countersign/internal/base/secret"
)

// WriteDefault writes c to a new file at path, mode 0600, with a comment for every setting. Settings that are empty in
// c become examples in comments. Secrets of c are written too. For an existing file the error wraps fs.ErrExist, and
// the file is not changed.
func WriteDefault(path string, c Config) error {
	text, err := render(c)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(path) // an incomplete configuration could still be valid
	}
	return err
}

// render writes the text of a configuration file.
func render(c Config) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("# Configuration of countersign. Every setting can also be given as an environment variable:\n" +
		"# COUNTERSIGN_ and the name in capitals, such as COUNTERSIGN_PUBLIC_URL or COUNTERSIGN_MAIL_FROM.\n" +
		"# This file may hold passwords: keep it readable for the server only.\n")
	section := ""
	for _, s := range c.settings() {
		name := s.key
		if in, field, ok := strings.Cut(s.key, "."); ok {
			if in != section {
				section = in
				out.WriteString("\n[" + section + "]\n")
			}
			name = field
		}
		if section == "" || !bytes.HasSuffix(out.Bytes(), []byte("]\n")) {
			out.WriteByte('\n')
		}
		out.WriteString("# " + strings.ReplaceAll(s.about, "\n", "\n# ") + "\n")
		value, empty := s.value()
		line, err := toml.Marshal(map[string]any{name: value})
		if err != nil {
			return nil, err
		}
		if empty {
			out.WriteString("# ")
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}

// value is what render writes for a setting: its value, or its example when the value is empty.
func (s setting) value() (value any, empty bool) {
	switch to := s.to.(type) {
	case *string:
		if *to != "" {
			return *to, false
		}
	case *secret.Text:
		if !to.Empty() {
			return to.Reveal(), false
		}
	case *int:
		return *to, false
	case *[]string:
		if len(*to) > 0 {
			return *to, false
		}
		return []string{s.example}, true
	case *[]netip.Prefix:
		if len(*to) > 0 {
			return *to, false
		}
		return []string{s.example}, true
	}
	return s.example, true
}
