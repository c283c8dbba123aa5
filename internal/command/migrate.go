package command

// migrateCommand is `countersign migrate`: it brings the schema of the database to the version that this release
// needs. It creates no master key and so no instance; init does that.
type migrateCommand struct{}

// migrateDoc is the result in a JSON document.
type migrateDoc struct {
	Database string `json:"database"`
	Before   int64  `json:"before"`  // 0: there was no schema
	Version  int64  `json:"version"` // the schema of this release
}

// Run applies the migrations that are missing. A second run changes nothing.
func (migrateCommand) Run(r *run) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	db, err := openDatabase(r.ctx, cfg, false)
	if err != nil {
		return err
	}
	defer db.Close()
	before, err := db.Status(r.ctx)
	if err != nil {
		return err
	}
	if err := db.Migrate(r.ctx); err != nil {
		return err
	}
	doc := migrateDoc{cfg.DatabaseName(), before.Version, before.Target}
	return r.show(doc, func(p *page) { p.line("migrate.done", "version", doc.Version) })
}
