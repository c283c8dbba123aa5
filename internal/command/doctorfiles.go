package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"countersign/internal/server/config"
)

// files checks that no other user may read the files that hold secrets.
func (d *report) files(path string, cfg config.Config) {
	good := true
	for _, f := range []struct {
		path   string
		secret fs.FileMode // mode bits that must not be set
	}{{path, 0o007}, {cfg.MasterKeyFile, 0o077}, {cfg.DataDir, 0o007}, {cfg.SQLiteFile(), 0o007}, {cfg.TLS.KeyFile, 0o007}} {
		if f.path == "" {
			continue
		}
		info, err := os.Stat(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the check that needs the file reports it
		}
		if err != nil {
			good = false
			d.add("files", fail, "unreadable", "file", f.path, "error", err)
			continue
		}
		if open := info.Mode().Perm() & f.secret; open != 0 {
			good = false
			d.add("files", fail, "open", "file", f.path, "mode", fmt.Sprintf("%o", info.Mode().Perm()), "mode_wanted", fmt.Sprintf("%o", info.Mode().Perm()&^f.secret))
		}
	}
	if good {
		d.add("files", fine, "good")
	}
}
