package config

import (
	"bytes"
	"net/netip"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"countersign/internal/base/secret"
)

// WriteDefault writes c to a new file at path with a comment for every setting, mode 0600.
// Settings that c leaves empty stand as commented examples. An existing file is left alone and is
// an error that wraps fs.ErrExist. Secrets of c are written out.
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
		os.Remove(path) // half a configuration is worse than none
	}
	return err
}

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

// value is what to write for the setting: its value, or its example when it is empty.
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
