package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

// address returns an address where nobody listens. Its host is a random one of 127.0.0.0/8, because another program may
// take a port of 127.0.0.1 as soon as it is free.
func address(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// AC-020, FAIL-3: a client that cannot connect may let people in; one that gets 429 does not.
func TestANodeWhoseDatabaseIsAwayListensAndTellsCallersToComeBackUntilItIsThere(t *testing.T) {
	at := address(t)
	c := configuration(t.TempDir())
	c.Listen, c.PublicURL, c.APIHosts, c.TLS.Mode = at, "https://"+at, []string{at}, config.TLSLocal
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	block := c.SQLiteFile() + ".closed" // a folder that cannot be removed, as on a file system that is mounted read-only
	if err := errors.Join(os.RemoveAll(block), os.MkdirAll(filepath.Join(block, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	log := &testkit.Log{}
	go func() {
		ended <- server.Run(ctx, c, server.Options{Log: slog.New(slog.NewTextHandler(log, nil)), Deadline: time.Minute})
	}()
	client := trusting(t, filepath.Join(c.DataDir, "tls"))
	ask := func(method, path string) (int, http.Header, string) {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			r, _ := http.NewRequestWithContext(ctx, method, "https://"+at+path, strings.NewReader("user=ana"))
			r.Header.Set("Authorization", "Basic RElYWFhYWFhYWFhYWFhYWFhYWFg6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==")
			r.Header.Set("Date", time.Now().UTC().Format(time.RFC1123Z))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := client().Do(r)
			if err == nil {
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				return answer.StatusCode, answer.Header, string(body)
			}
			select {
			case err := <-ended:
				t.Fatalf("ended: %v\n%s", err, log)
			default:
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v\n%s", path, err, log)
			}
		}
	}
	for _, path := range []string{"/rest/v1/preauth.bson", "/rest/v1/preauth.json", "/auth/v2/preauth", "/auth/v2/auth", "/rest/v1/auth.bson"} {
		if status, head, body := ask("POST", path); status != http.StatusTooManyRequests || head.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %q", path, status, head, body)
		}
	}
	if status, _, body := ask("GET", "/readyz"); status != http.StatusServiceUnavailable || body != "database\n" {
		t.Errorf("ready: %d %q", status, body)
	}
	if status, _, _ := ask("GET", "/healthz"); status != http.StatusOK {
		t.Errorf("alive: %d", status)
	}
	if status, head, body := ask("GET", "/devices"); status < 400 || !strings.Contains(head.Get("Content-Type"), "html") || !strings.Contains(body, "<h1") {
		t.Errorf("a page: %d %v %s", status, head, body)
	}
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); ; {
		status, _, _ := ask("GET", "/readyz") // is answered at every moment, or the test ends above
		if status == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not ready: %s", log)
		}
	}
	if status, _, body := ask("POST", "/auth/v2/preauth"); status != http.StatusUnauthorized {
		t.Errorf("with the database: %d %s", status, body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// AC-074, AC-082: a mistake that the operator must correct ends the program with its reason.
func TestAWrongConfigurationEndsTheStart(t *testing.T) {
	whole := func() config.Config {
		c := configuration(t.TempDir())
		c.Listen = address(t)
		s, err := open(t, c)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		return c
	}
	for name, spoil := range map[string]func(c *config.Config) error{
		"another instance's key": func(c *config.Config) error { c.MasterKeyFile = whole().MasterKeyFile; return nil },
		"no key":                 func(c *config.Config) error { return os.Remove(filepath.Join(c.DataDir, "master.key")) },
		"a damaged file":         func(c *config.Config) error { return os.WriteFile(c.SQLiteFile(), []byte("hello"), 0o600) },
		"a folder that is none":  func(c *config.Config) error { c.DataDir = filepath.Join(c.SQLiteFile(), "x"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := whole()
			if err := spoil(&c); err != nil {
				t.Fatal(err)
			}
			if err := server.Run(t.Context(), c, server.Options{Log: slog.New(slog.DiscardHandler)}); err == nil {
				t.Error("it ended without a reason")
			}
		})
	}
}

// A client may let people in also when the server does not know its application. So a node does not serve an empty
// database in the place of its own, and opens when its own is back (AC-020, AC-082).
func TestANodeWaitsForTheDatabaseOfItsKeyAndTakesNoEmptyOneForIt(t *testing.T) {
	c := pgtest.OwnCluster(t)
	postgres := configuration(t.TempDir())
	postgres.Database.URL = secret.NewText(c.DSN)
	file := configuration(t.TempDir())
	admin := func(statements ...string) func() error {
		return func() error {
			conn, err := pgx.Connect(t.Context(), strings.Replace(c.DSN, "/one?", "/postgres?", 1))
			if err != nil {
				return err
			}
			defer conn.Close(t.Context())
			for _, s := range statements {
				_, failed := conn.Exec(t.Context(), s)
				err = errors.Join(err, failed)
			}
			return err
		}
	}
	move := func(from, to string) func() error { return func() error { return os.Rename(from, to) } }
	aside := file.SQLiteFile() + ".aside"
	emptied := func() error {
		db, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: file.SQLiteFile()})
		if err == nil {
			err = db.Close()
		}
		return err
	}
	migrated := func(o sqlstore.Options) func() error {
		return func() error {
			db, err := sqlstore.Open(t.Context(), o)
			if err == nil {
				err = errors.Join(db.Migrate(t.Context()), db.Close())
			}
			return err
		}
	}
	for _, try := range []struct {
		name    string
		c       config.Config
		lose    []func() error
		restore []func() error
	}{
		{"a PostgreSQL database made anew", postgres, []func() error{admin(`ALTER DATABASE one RENAME TO aside`, `CREATE DATABASE one`)},
			[]func() error{admin(`DROP DATABASE one WITH (FORCE)`, `ALTER DATABASE aside RENAME TO one`)}},
		{"one with a schema and nothing in it", postgres, []func() error{admin(`ALTER DATABASE one RENAME TO aside`, `CREATE DATABASE one`), migrated(sqlstore.Options{URL: c.DSN})},
			[]func() error{admin(`DROP DATABASE one WITH (FORCE)`, `ALTER DATABASE aside RENAME TO one`)}},
		{"a PostgreSQL database that is gone", postgres, []func() error{admin(`ALTER DATABASE one RENAME TO aside`)}, []func() error{admin(`ALTER DATABASE aside RENAME TO one`)}},
		{"a file that is gone", file, []func() error{move(file.SQLiteFile(), aside)}, []func() error{move(aside, file.SQLiteFile())}},
		{"a file made anew", file, []func() error{move(file.SQLiteFile(), aside), emptied}, []func() error{move(aside, file.SQLiteFile())}},
	} {
		t.Run(try.name, func(t *testing.T) {
			c := try.c
			c.Listen = address(t)
			c.PublicURL, c.APIHosts, c.TLS.Mode = "https://"+c.Listen, []string{c.Listen}, config.TLSLocal
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			before, err := s.DB.Read().ApplicationByID(t.Context(), application.PortalID)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			for _, do := range try.lose {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended, log := make(chan error, 1), &testkit.Log{}
			go func() {
				ended <- server.Run(ctx, c, server.Options{Log: slog.New(slog.NewTextHandler(log, nil)), Deadline: time.Minute})
			}()
			client := trusting(t, filepath.Join(c.DataDir, "tls"))
			until := func(what string, want int, path string) {
				t.Helper()
				for end := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					r, _ := http.NewRequestWithContext(ctx, "POST", "https://"+c.Listen+path, strings.NewReader("user=ana"))
					r.Header.Set("Authorization", "Basic RElYWFhYWFhYWFhYWFhYWFhYWFg6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==")
					r.Header.Set("Date", time.Now().UTC().Format(time.RFC1123Z))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					answer, err := client().Do(r)
					if err == nil {
						answer.Body.Close()
						if answer.StatusCode == want {
							return
						}
						if want == http.StatusTooManyRequests {
							t.Fatalf("%s: %d\n%s", what, answer.StatusCode, log)
						}
					}
					if time.Now().After(end) || len(ended) > 0 {
						t.Fatalf("%s: %v\n%s", what, err, log)
					}
				}
			}
			until("without it", http.StatusTooManyRequests, "/auth/v2/preauth")
			for end := time.Now().Add(60 * time.Second); strings.Count(log.String(), "trying again") < 2; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) || len(ended) > 0 {
					t.Fatalf("it does not try on:\n%s", log)
				}
			}
			until("after another try", http.StatusTooManyRequests, "/auth/v2/preauth")
			for _, do := range try.restore {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			}
			until("with it", http.StatusUnauthorized, "/auth/v2/preauth")
			stop()
			if err := <-ended; err != nil {
				t.Errorf("ended with %v", err)
			}
			if s, err = open(t, c); err != nil {
				t.Fatal(err)
			}
			after, err := s.DB.Read().ApplicationByID(t.Context(), application.PortalID)
			if err != nil || string(after.Secret) != string(before.Secret) {
				t.Errorf("another instance took its place: %v", err)
			}
			s.Close()
		})
	}
}

// Without a key and a database nothing was set up, and only init does that.
func TestAnEmptyDatabaseWithoutAKeyEndsTheStart(t *testing.T) {
	for name, dsn := range map[string]string{"PostgreSQL": pgtest.New(t), "SQLite": ""} {
		c := configuration(t.TempDir())
		c.Listen, c.Database.URL = address(t), secret.NewText(dsn)
		db, err := sqlstore.Open(t.Context(), sqlstore.Options{URL: dsn, Path: c.SQLiteFile()})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		for range 2 {
			if err := server.Run(t.Context(), c, server.Options{Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, server.ErrNotSetUp) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := os.Stat(c.MasterKeyFile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a key was made: %v", name, err)
		}
	}
}

func TestANodeThatIsToldToStopWhileItsDatabaseIsAwayStops(t *testing.T) {
	c := configuration(t.TempDir())
	c.Listen = address(t)
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	block := c.SQLiteFile() + ".closed"
	if err := errors.Join(os.RemoveAll(block), os.MkdirAll(filepath.Join(block, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	if err := server.Run(ctx, c, server.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Error(err)
	}
}

// trusting returns a function that makes clients which trust the local authority of an instance. Each has no connection
// yet.
func trusting(t *testing.T, dir string) func() *http.Client {
	return func() *http.Client {
		pool := x509.NewCertPool()
		files, _ := filepath.Glob(filepath.Join(dir, "*.pem"))
		for _, f := range files {
			if pem, err := os.ReadFile(f); err == nil {
				pool.AppendCertsFromPEM(pem)
			}
		}
		return &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	}
}
