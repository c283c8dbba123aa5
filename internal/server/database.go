package server

import (
	"context"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
)

// openDatabase opens and migrates the database, and the bell that belongs to it: between several
// nodes it rings through PostgreSQL, in one node through memory.
func (s *Server) openDatabase(ctx context.Context) error {
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: s.Config.Database.URL.Reveal(), Path: s.Config.SQLiteFile(), Logger: s.Log})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, db.Close)
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	s.DB = db
	if db.Dialect() != sqlstore.PostgreSQL {
		s.Bell = &bus.Hub{}
		return nil
	}
	bell, err := bus.Open(ctx, s.Config.Database.URL.Reveal(), s.Log)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, bell.Close)
	s.Bell = bell
	return nil
}
