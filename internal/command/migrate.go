package command

type migrateCommand struct{}

type migrateDoc struct {
	Database string `json:"database"`
	Before   int64  `json:"before"`
	Version  int64  `json:"version"`
}

// Run brings the schema to this release; running it again changes nothing.
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
