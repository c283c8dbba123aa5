package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/adapter/sqlstore/engine"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ctx = context.Background()

// wire is a connection to PostgreSQL that reads along. It knows what was sent, and which of it was answered.
type wire struct {
	net.Conn
	w *wires

	started  bool // the first message has no type
	out, in  []byte
	prepared map[string]string // name of a statement, its text
}

// wires is what all connections of a pool have seen.
type wires struct {
	mu        sync.Mutex
	log       []string // statements in the order they were sent; "|" where an answer to all before was awaited
	unread    int      // how many of these answers were not read yet
	early     bool     // COMMIT was sent before all was read
	cutAt     string   // the connection is cut when this statement is to be sent, once
	delivered bool     // … but it arrives
}

// frames calls each with the messages that b begins with, and returns the rest.
func frames(b []byte, each func(kind byte, body []byte)) []byte {
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint32(b[1:])) + 1
		if len(b) < n {
			break
		}
		each(b[0], b[5:n])
		b = b[n:]
	}
	return b
}

func text(b []byte) (string, []byte) {
	s, rest, _ := strings.Cut(string(b), "\x00")
	return s, []byte(rest)
}

// note keeps the first word of a statement that is sent. It reports that the connection is to be cut.
func (w *wires) note(q string) (cut bool) {
	word, _, _ := strings.Cut(q, " ")
	w.log = append(w.log, word)
	w.early = w.early || word == "commit" && w.unread > 0
	return w.cutAt == word
}

func (c *wire) Write(b []byte) (int, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if !c.started {
		c.started = true
		return c.Conn.Write(b)
	}
	cut := false
	c.out = frames(append(c.out, b...), func(kind byte, body []byte) {
		switch kind {
		case 'P':
			name, rest := text(body)
			c.prepared[name], _ = text(rest)
		case 'B':
			_, rest := text(body)
			name, _ := text(rest)
			cut = c.w.note(c.prepared[name]) || cut
		case 'Q':
			q, _ := text(body)
			cut = c.w.note(q) || cut
		}
		if kind == 'Q' || kind == 'S' {
			c.w.log = append(c.w.log, "|")
			c.w.unread++
		}
	})
	if cut {
		c.w.cutAt = ""
		n, err := 0, net.ErrClosed
		if c.w.delivered {
			n, err = c.Conn.Write(b)
		}
		_ = c.Conn.Close()
		return n, err
	}
	return c.Conn.Write(b)
}

func (c *wire) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.in = frames(append(c.in, b[:n]...), func(kind byte, _ []byte) {
		if kind == 'Z' && c.w.unread > 0 { // the first says that the connection is there
			c.w.unread--
		}
	})
	return n, err
}

// openWired opens a database of one table and one connection, which reads along.
func openWired(t *testing.T) (*Database, *wires) {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{}
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return &wire{Conn: c, w: w, prepared: map[string]string{}}, err
	}
	d, err := open(ctx, Options{Connections: 1, Logger: slog.New(slog.DiscardHandler)}, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.pool.Exec(ctx, `CREATE TABLE codes (id TEXT PRIMARY KEY, uses BIGINT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	return d, w
}

const (
	create = `INSERT INTO codes (id, uses) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET uses = 1`
	spend  = `UPDATE codes SET uses = uses - 1 WHERE id = $1 AND uses > 0`
	read   = `SELECT uses FROM codes WHERE id = $1`
)

var errSpent = errors.New("spent")

// What a change may do with a code.
func makes(r engine.Runner, id string) error  { return r.Queue(ctx, create, []any{id}, nil) }
func spends(r engine.Runner, id string) error { return r.Queue(ctx, spend, []any{id}, errSpent) }
func counts(r engine.Runner, id string) error {
	_, err := r.Exec(ctx, spend, []any{id})
	return err
}
func reads(r engine.Runner, id string) error {
	want := &engine.Shape{{Name: "uses", Kind: engine.Int}}
	return r.Query(ctx, read, []any{id}, want, func(engine.Row) error { return nil })
}

// begin makes a code with one use, prepares all statements, and forgets what was seen.
func (w *wires) begin(t *testing.T, d *Database) {
	t.Helper()
	_, err := d.pool.Exec(ctx, `DELETE FROM codes`)
	for range 2 { // once to prepare
		err = errors.Join(err, d.Write(ctx, func(r engine.Runner) error {
			return errors.Join(makes(r, "a"), reads(r, "a"), counts(r, "z"), reads(r, "a"))
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log, w.early = nil, false
}

func TestCommitIsSentWhenEveryResultWasReadAndNoRoundTripIsWasted(t *testing.T) {
	d, w := openWired(t)
	for _, c := range []struct {
		what   string
		change func(r engine.Runner) error
		sent   string
		want   error
	}{
		{"nothing", func(engine.Runner) error { return nil }, "", nil},
		{"one write that nobody awaits", func(r engine.Runner) error { return makes(r, "b") }, "INSERT |", nil},
		{"one that must touch a row", func(r engine.Runner) error { return spends(r, "a") }, "UPDATE |", nil},
		{"and touches none", func(r engine.Runner) error { return spends(r, "z") }, "UPDATE |", errSpent},
		{"several that nobody awaits", func(r engine.Runner) error { return errors.Join(makes(r, "b"), spends(r, "a"), makes(r, "c")) },
			"begin INSERT UPDATE INSERT | commit |", nil},
		{"one of these touches no row", func(r engine.Runner) error { return errors.Join(spends(r, "z"), makes(r, "b")) },
			"begin UPDATE INSERT | rollback |", errSpent},
		{"one that is awaited", func(r engine.Runner) error { return counts(r, "a") }, "begin UPDATE | commit |", nil},
		{"a read behind writes", func(r engine.Runner) error { return errors.Join(makes(r, "b"), reads(r, "a")) }, "begin INSERT SELECT | commit |", nil},
		{"a read ahead of writes", func(r engine.Runner) error { return errors.Join(reads(r, "a"), makes(r, "b"), spends(r, "a")) },
			"begin SELECT | INSERT UPDATE | commit |", nil},
		{"a read ahead of one write", func(r engine.Runner) error { return errors.Join(reads(r, "a"), spends(r, "a")) },
			"begin SELECT | UPDATE | commit |", nil},
		{"two that are awaited", func(r engine.Runner) error { return errors.Join(counts(r, "a"), counts(r, "a")) }, "begin UPDATE | UPDATE | commit |", nil},
		{"a read behind one that touches no row", func(r engine.Runner) error { return errors.Join(spends(r, "z"), reads(r, "a")) },
			"begin UPDATE SELECT | rollback |", errSpent},
		{"an error ahead of anything sent", func(r engine.Runner) error { return errors.Join(makes(r, "b"), errSpent) }, "", errSpent},
	} {
		w.begin(t, d)
		asked := d.Asked()
		err := d.Write(ctx, c.change)
		w.mu.Lock()
		if sent := strings.Join(w.log, " "); sent != c.sent || !errors.Is(err, c.want) {
			t.Errorf("%s: sent %q, want %q; error %v, want %v", c.what, sent, c.sent, err, c.want)
		}
		if n, counted := strings.Count(strings.Replace(c.sent, "rollback |", "", 1), "|"), int(d.Asked()-asked); n != counted {
			t.Errorf("%s: %d round trips are counted as %d", c.what, n, counted)
		}
		if w.early {
			t.Errorf("%s: COMMIT was sent before all results were read", c.what)
		}
		w.mu.Unlock()
	}
}

// A connection that dies before anything can have been committed is no error. Afterwards only the server knows, and a change that
// would be done twice is worse than one whose end is not known.
func TestOnlyAChangeThatCannotHaveBeenCommittedRunsAgain(t *testing.T) {
	d, w := openWired(t)
	several := func(r engine.Runner) error { return errors.Join(spends(r, "a"), makes(r, "b")) }
	for _, c := range []struct {
		what, at  string
		delivered bool
		change    func(r engine.Runner) error
		runs      int
		left      []int // uses of the code that may be left: what arrived may have been done or not
	}{
		{"at the first statement", "begin", false, several, 2, []int{0}},
		{"at the first statement, which arrives", "begin", true, several, 2, []int{0}},
		{"at COMMIT", "commit", false, several, 1, []int{1}},
		{"at COMMIT, which arrives", "commit", true, several, 1, []int{0, 1}},
		{"at the one statement of a change, which arrives", "UPDATE", true, func(r engine.Runner) error { return spends(r, "a") }, 1, []int{0, 1}},
	} {
		w.begin(t, d)
		w.mu.Lock()
		w.cutAt, w.delivered = c.at, c.delivered
		w.mu.Unlock()
		runs := 0
		err := d.Write(ctx, func(r engine.Runner) error { runs++; return c.change(r) })
		if runs != c.runs || (err == nil) != (c.runs == 2) {
			t.Errorf("%s: ran %d times, want %d: %v", c.what, runs, c.runs, err)
		}
		left := -1
		if err := d.pool.QueryRow(ctx, `SELECT uses FROM codes WHERE id = 'a'`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(c.left, left) {
			t.Errorf("%s: %d uses are left", c.what, left)
		}
	}
}
