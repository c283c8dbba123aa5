package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/pgtest"
)

func BenchmarkSQLite(b *testing.B) {
	benchmark(b, func(b *testing.B) Options { return Options{Path: filepath.Join(b.TempDir(), "b.db")} })
}

func BenchmarkPostgreSQL(b *testing.B) {
	benchmark(b, func(b *testing.B) Options { return Options{URL: pgtest.New(b)} })
}

func benchmark(b *testing.B, options func(*testing.B) Options) {
	ctx := context.Background()
	db, err := Open(ctx, options(b))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var n atomic.Int64
	newLogin := func() login.Login {
		id := fmt.Sprintf("%032d", n.Add(1))
		return login.Login{ID: id, CookieDigest: []byte("0123456789abcdef0123456789abcdef"), Door: "oidc", DoorState: make([]byte, 300),
			ApplicationID: "DIAAAAAAAAAAAAAAAAAA", UserID: "DUAAAAAAAAAAAAAAAAAA", Username: "narroway", Stage: login.Open,
			IP: "127.0.0.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", Created: now, Expires: now.Add(time.Hour), TxID: id}
	}
	first := newLogin()
	err = db.Write(ctx, func(s flow.Store) error {
		if err := s.CreateUser(ctx, user.User{ID: "DU1", Username: "narroway", Status: user.Active, Salt: []byte("0123456789abcdef")}); err != nil {
			return err
		}
		return s.CreateLogin(ctx, first)
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, parallel := range []int{1, 64} {
		b.Run(fmt.Sprintf("write/%d", parallel), func(b *testing.B) {
			run(b, parallel, func() error {
				return db.Write(ctx, func(s flow.Store) error { return s.BumpLogin(ctx, first.ID) })
			})
		})
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		run(b, 1, func() error { _, err := db.Read().LoginByID(ctx, first.ID); return err })
	})
	b.Run("read user", func(b *testing.B) {
		b.ReportAllocs()
		run(b, 1, func() error { _, err := db.Read().UserByName(ctx, "narroway"); return err })
	})
	// The statements of one sign-in, roughly: 3 writes and 9 reads.
	b.Run("sign-in/64", func(b *testing.B) {
		b.ReportAllocs()
		run(b, 64, func() error {
			l := newLogin()
			for range 3 {
				if _, err := db.Read().LoginByID(ctx, first.ID); err != nil {
					return err
				}
				if _, err := db.Read().UserByName(ctx, "narroway"); err != nil {
					return err
				}
				if _, err := db.Read().LoadSettings(ctx); err != nil {
					return err
				}
			}
			if err := db.Write(ctx, func(s flow.Store) error { return s.CreateLogin(ctx, l) }); err != nil {
				return err
			}
			if err := db.Write(ctx, func(s flow.Store) error {
				if err := s.AllowLogin(ctx, l.ID, login.Decision{Proof: account.Proof{Factor: "bypass_code"}}, now); err != nil {
					return err
				}
				if err := s.FinishLogin(ctx, l.ID, []byte(l.ID), now.Add(time.Hour), now); err != nil {
					return err
				}
				return s.LogAuthentication(ctx, audit.Authentication{ID: l.ID, Time: now, Result: audit.Success, Username: "narroway"})
			}); err != nil {
				return err
			}
			return db.Write(ctx, func(s flow.Store) error {
				return s.CollectGrant(ctx, []byte(l.ID), l.ApplicationID, now)
			})
		})
	})
}

// run calls f b.N times from parallel goroutines.
func run(b *testing.B, parallel int, f func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	failed := make(chan error, parallel)
	b.ResetTimer()
	for range parallel {
		go func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range parallel {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
