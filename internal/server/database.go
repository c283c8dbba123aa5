package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
)

// openDatabase opens and migrates the database, and opens the bell that belongs to it: several nodes ring through
// PostgreSQL, a single node with SQLite through memory. With mustExist nothing is created, and a database without a
// schema is ErrOtherDatabase or ErrNotSetUp.
func (s *Server) openDatabase(ctx context.Context, mustExist bool) error {
	if !mustExist {
		if err := os.MkdirAll(s.Config.DataDir, 0o700); err != nil {
			return err
		}
	}
	leave, err := Occupy(s.Config)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, leave)
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: s.Config.Database.URL.Reveal(), Path: s.Config.SQLiteFile(), Logger: s.Log, MustExist: mustExist})
	if errors.Is(err, sqlstore.ErrEmpty) {
		return s.empty()
	}
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

// empty returns the error for a database without a schema. With a master key it is not the database of this key; without
// one, init has not been run.
func (s *Server) empty() error {
	if _, err := os.Stat(s.Config.MasterKeyFile); errors.Is(err, fs.ErrNotExist) {
		return keyless(s.Config.MasterKeyFile, nil)
	}
	return fmt.Errorf("%s: %w", s.Config.DatabaseName(), ErrOtherDatabase)
}
