package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"countersign/internal/adapter/sqlstore/engine"
)

// Meaning gives an error of PostgreSQL or of the way to it its meaning. The end of the caller's own
// context stays what it is.
func Meaning(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var c *pgconn.ConnectError // first: whatever PostgreSQL says to a connection, nothing was asked of it
	if errors.As(err, &c) {
		return engine.Unavailable(err)
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system
			return engine.Unavailable(err)
		}
		switch e.Code {
		case "55P03", "25006": // lock_timeout; read only, as after a failover
			return engine.Unavailable(err)
		}
		return fmt.Errorf("sqlstore: %w", err)
	}
	var n net.Error
	if errors.As(err, &n) && !isErrno(n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err) {
		return engine.Unavailable(err)
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// isErrno reports a plain error number, as of a file: it has the methods of a network's error and is none.
func isErrno(err error) bool {
	_, is := err.(syscall.Errno)
	return is
}

// Refused tells, of what PostgreSQL answers to a connection, what an operator can correct from what passes; any
// other error stays what it is.
func Refused(err error) error {
	var c *pgconn.ConnectError
	var e *pgconn.PgError
	if !errors.As(err, &c) || !errors.As(err, &e) {
		return err
	}
	if e.Code == "3D000" {
		return engine.ErrMissing.Arg("name", c.Config.Database).With(err)
	}
	switch e.Code[:2] {
	case "28", "42", "22", "0A": // who we are, what we may; settings in the address
		return engine.ErrRefused.Arg("name", c.Config.Database).With(err)
	}
	return err
}

// lostRace reports errors after which the same transaction may simply be run again.
func lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}
