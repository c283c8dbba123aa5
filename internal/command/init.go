package command

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

var (
	// errInitialized reports an instance that is set up already.
	errInitialized = errs.New(errs.Conflict, "command.initialized")
	// errOtherwise reports a flag that the configuration file contradicts. Arguments: "config", "setting", "flag".
	errOtherwise = errs.New(errs.Conflict, "command.otherwise")
	// errFolder reports a folder that cannot be created. Argument: "folder".
	errFolder = errs.New(errs.Forbidden, "command.folder")
)

// initCommand is `countersign init`: it sets up an instance. It creates the configuration file, the data folder, the
// database with its schema, and the master key file. It never changes what exists: a second init is refused, and
// one that was interrupted is continued.
type initCommand struct {
	Data         string `help:"Folder for the database, certificates and keys. Default: /var/lib/countersign." placeholder:"DIR"`
	PublicURL    string `name:"public-url" aliases:"url" help:"Address people open, such as https://mfa.example.edu. Default: the name of this machine." placeholder:"URL"`
	Organization string `help:"Name people see on the pages." placeholder:"NAME"`
	Database     string `help:"PostgreSQL address, postgres://USER:PASSWORD@HOST/NAME; without it, SQLite in the data folder." placeholder:"URL"`
}

// initDoc is the new instance in a JSON document.
type initDoc struct {
	Config        string `json:"config"` // file
	DataDir       string `json:"data_dir"`
	MasterKeyFile string `json:"master_key_file"`
	Database      string `json:"database"`   // SQLite file, or the address of PostgreSQL without its password
	PublicURL     string `json:"public_url"` // without a slash at the end
	APIHost       string `json:"api_host"`   // host and port for the settings of clients
}

// Run creates what is missing, in this order: configuration, database, master key. After a stop at any point the
// same command continues.
func (c *initCommand) Run(r *run) error {
	path := cmp.Or(r.config, localConfig)
	known := exists(path)
	if !known {
		if err := c.writeConfig(path); err != nil {
			return err
		}
	}
	cfg, err := r.loadFrom(path)
	if err != nil {
		return err
	}
	if known {
		if err := c.agrees(path, cfg); err != nil {
			return err
		}
	}
	keyed := exists(cfg.MasterKeyFile)
	if !keyed {
		leave, err := server.Occupy(cfg)
		if err != nil {
			return err
		}
		defer leave()
		if err := clearStart(cfg); err != nil {
			return err
		}
	}
	if err := r.prepareData(path, cfg, known && keyed); err != nil {
		return err
	}
	doc := initDoc{path, cfg.DataDir, cfg.MasterKeyFile, cfg.DatabaseName(), cfg.PublicURL, cfg.APIHosts[0]}
	return r.show(doc, func(p *page) {
		p.line("init.done")
		p.fields("config", doc.Config, "data_dir", doc.DataDir, "master_key", doc.MasterKeyFile, "database", doc.Database, "public_url", doc.PublicURL)
		p.raw("\n")
		p.line("init.next", "config", path)
	})
}

// writeConfig creates the folders and the configuration file at path. A file that appears meanwhile stays as it is.
func (c *initCommand) writeConfig(path string) error {
	fresh, err := c.fresh()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		folder string
		mode   fs.FileMode
	}{{fresh.DataDir, 0o700}, {filepath.Dir(path), 0o750}} {
		if err := os.MkdirAll(f.folder, f.mode); err != nil {
			return errFolder.Arg("folder", f.folder).With(err)
		}
	}
	if err := config.WriteDefault(path, fresh); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// prepareData creates the schema and the master key, and stores the organization's name. complete says that the
// configuration and the key file existed before: when the database has its schema too, the error is errInitialized.
func (r *run) prepareData(path string, cfg config.Config, complete bool) error {
	db, err := openDatabase(r.ctx, cfg, false)
	if err != nil {
		return err
	}
	defer db.Close()
	before, err := db.Status(r.ctx)
	if err != nil {
		return err
	}
	if complete && before.Version == before.Target {
		done, err := server.SetUp(r.ctx, db)
		if err != nil {
			return err
		}
		if done {
			return errInitialized.Arg("config", path)
		}
	}
	if err := db.Migrate(r.ctx); err != nil {
		return err
	}
	keys, err := server.MakeKeys(r.ctx, db, cfg.MasterKeyFile)
	if err != nil {
		return err
	}
	return r.nameOrganization(cfg, directory.New(directory.Needs{DB: flow.PartOf[directory.Store](db), Keys: keys, Now: r.Now, Rand: r.Rand}))
}

// agrees refuses a flag that an existing configuration file contradicts, because the flag would have no effect. The
// error is errOtherwise.
func (c *initCommand) agrees(path string, cfg config.Config) error {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		flag, setting string
		given, same   bool
	}{
		{"--data", "data_dir", c.Data != "", data == cfg.DataDir},
		{"--public-url", "public_url", c.PublicURL != "", strings.TrimSuffix(c.PublicURL, "/") == cfg.PublicURL},
		{"--organization", "organization.name", c.Organization != "", c.Organization == cfg.Organization.Name},
		{"--database", "database.url", c.Database != "", c.Database == cfg.Database.URL.Reveal()},
	} {
		if f.given && !f.same {
			return errOtherwise.Arg("config", path).Arg("setting", f.setting).Arg("flag", f.flag)
		}
	}
	return nil
}

// clearStart removes an empty database file, as an init that was interrupted leaves it. This is safe because the
// caller holds the lock of the folder, and without a master key the file cannot have held data.
func clearStart(cfg config.Config) error {
	file := cfg.SQLiteFile()
	info, err := os.Stat(file)
	if !cfg.Database.URL.Empty() || err != nil || info.Size() > 0 || exists(file+"-wal") {
		return nil // not such a file
	}
	for _, left := range []string{file + "-journal", file} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// fresh builds the configuration to write from the flags and the defaults.
func (c *initCommand) fresh() (config.Config, error) {
	data := c.Data
	if data == "" {
		data = config.DefaultDataDir
	}
	data, err := filepath.Abs(data)
	if err != nil {
		return config.Config{}, err
	}
	cfg := config.Default(data)
	cfg.Organization.Name = c.Organization
	cfg.Database.URL = secret.NewText(c.Database)
	cfg.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if cfg.PublicURL == "" {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "localhost"
		}
		cfg.PublicURL = "https://" + strings.ToLower(name)
	}
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" {
		return cfg, usagef("--public-url is an address such as https://mfa.example.edu, not %q", c.PublicURL)
	}
	if port := u.Port(); port != "" {
		cfg.Listen = net.JoinHostPort("", port)
	}
	cfg.APIHosts = []string{u.Host}
	if err := cfg.Validate(); err != nil {
		return cfg, errConfig.With(err)
	}
	cfg.APIHosts = nil // follows public_url when the operator changes it
	return cfg, nil
}

// nameOrganization stores the configured name of the organization, so that mail which is queued before the first
// start of the server carries it.
func (r *run) nameOrganization(cfg config.Config, d *directory.Flow) error {
	if cfg.Organization.Name == "" {
		return nil
	}
	_, err := d.SetSettings(r.ctx, directory.CommandLine, directory.SettingsChange{Organization: &cfg.Organization.Name})
	return err
}
