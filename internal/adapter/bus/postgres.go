package bus

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/flow"
)

const (
	channel = "countersign_bell"
	// maxPayload stays below PostgreSQL's 8,000 bytes.
	maxPayload = 7800
	// maxQueued topics wait for a lost connection; beyond it everybody everywhere is rung instead.
	maxQueued = 20_000
	everybody = "*"

	connectTimeout = 5 * time.Second
	idleCheck      = 15 * time.Second // a silent connection is asked whether it lives
	blindTick      = time.Second      // while nothing can be heard, everybody here is rung this often
	lastWords      = 5 * time.Second  // what Close takes to tell what is queued
	firstPause     = 50 * time.Millisecond
)

// Postgres is the bell of several nodes over one PostgreSQL. A ring is heard at once in this process and,
// through NOTIFY, in the others. NOTIFY is sent by a goroutine of its own in batches, never by the
// transaction that decided something: it takes a lock over the whole cluster (decision 1).
//
// LISTEN needs a session: the address must not lead through a pooler in transaction mode.
type Postgres struct {
	hub    Hub
	config *pgx.ConnConfig
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
	due    chan struct{} // something is queued

	mu     sync.Mutex
	node   string // this node's own rings come back under this name
	queued map[string]struct{}
	all    bool
	unsent []string // payloads that were on their way when Close was called
}

var _ flow.Bell = (*Postgres)(nil)

// Open connects to PostgreSQL and begins to listen; it fails when that is not possible now. Later losses are
// mended by the bus itself.
func Open(ctx context.Context, url string, log *slog.Logger) (*Postgres, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("bus: the address of the database is not valid")
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "countersign bell"
	config.RuntimeParams["synchronous_commit"] = "off" // a ring is not worth a wait for the disk
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Postgres{config: config, log: log, due: make(chan struct{}, 1), queued: make(map[string]struct{})}
	conn, err := p.listen(ctx)
	if err != nil {
		return nil, err
	}
	own, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.done.Add(2)
	go p.hear(own, conn)
	go p.tell(own)
	return p, nil
}

// Close stops listening, and telling when the other nodes know what was rung: a command that ends at once
// is heard too. It waits for that a moment only.
func (p *Postgres) Close() error {
	p.cancel()
	p.done.Wait()
	last := append(p.unsent, p.take()...)
	if len(last) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	var conn *pgx.Conn
	defer func() { hangUp(conn) }()
	for _, payload := range last {
		var err error
		if conn, err = p.notify(ctx, conn, payload); err != nil {
			return err
		}
	}
	return nil
}

// Listen implements flow.Bell.
func (p *Postgres) Listen(topic string) (<-chan struct{}, func()) { return p.hub.Listen(topic) }

// Ring implements flow.Bell; it never waits.
func (p *Postgres) Ring(topics ...string) {
	p.hub.Ring(topics...)
	p.mu.Lock()
	for _, t := range topics {
		p.queued[t] = struct{}{}
	}
	if len(p.queued) > maxQueued {
		clear(p.queued)
		p.all = true
	}
	p.mu.Unlock()
	select {
	case p.due <- struct{}{}:
	default:
	}
}

// take empties the queue into payloads: the node's name, then a topic a line.
func (p *Postgres) take() (payloads []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all {
		payloads = append(payloads, p.node+"\n"+everybody)
		p.all = false
	}
	var b strings.Builder
	for t := range p.queued {
		if b.Len()+len(t)+1 > maxPayload {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(p.node)
		}
		b.WriteByte('\n')
		b.WriteString(t)
	}
	if b.Len() > 0 {
		payloads = append(payloads, b.String())
	}
	clear(p.queued)
	return payloads
}

// tell sends what is queued. While it sends, the next batch gathers.
func (p *Postgres) tell(ctx context.Context) {
	defer p.done.Done()
	var conn *pgx.Conn
	defer func() { hangUp(conn) }()
	for {
		select {
		case <-p.due:
		case <-ctx.Done():
			return
		}
		payloads := p.take()
		for i, payload := range payloads {
			for pause := firstPause; ; pause = min(2*pause, blindTick) {
				var err error
				if conn, err = p.notify(ctx, conn, payload); err == nil {
					break
				}
				if ctx.Err() == nil {
					p.log.Warn("bell: could not tell the other nodes; trying again", "error", err)
				}
				if !sleep(ctx, pause) {
					p.unsent = payloads[i:]
					return
				}
			}
		}
	}
}

func (p *Postgres) notify(ctx context.Context, conn *pgx.Conn, payload string) (*pgx.Conn, error) {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = pgx.ConnectConfig(own, p.config.Copy()); err != nil {
			return nil, err
		}
	}
	_, err := conn.Exec(own, `SELECT pg_notify($1, $2)`, channel, payload)
	return conn, err
}

// listen connects and listens.
func (p *Postgres) listen(ctx context.Context) (*pgx.Conn, error) {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(own, p.config.Copy())
	if err != nil {
		return nil, err
	}
	var id string
	// The backend's process and start name this node for as long as its connection lives.
	err = conn.QueryRow(own, `SELECT pid::text || '.' || extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()`).Scan(&id)
	if err == nil {
		_, err = conn.Exec(own, `LISTEN `+channel)
	}
	if err != nil {
		hangUp(conn)
		return nil, err
	}
	p.mu.Lock()
	p.node = id
	p.mu.Unlock()
	return conn, nil
}

// hear passes on what other nodes ring. After a loss it listens again and rings everybody here, for what
// was missed; until then it rings everybody each second.
func (p *Postgres) hear(ctx context.Context, conn *pgx.Conn) {
	defer p.done.Done()
	defer func() { hangUp(conn) }()
	pause := firstPause
	for ctx.Err() == nil {
		if conn == nil {
			fresh, err := p.listen(ctx)
			if err != nil {
				p.log.Warn("bell: cannot listen; trying again", "error", err)
				p.hub.RingAll()
				sleep(ctx, pause)
				pause = min(2*pause, blindTick)
				continue
			}
			conn, pause = fresh, firstPause
			p.hub.RingAll()
		}
		if err := p.wait(ctx, conn); err != nil {
			hangUp(conn)
			conn = nil
		}
	}
}

func (p *Postgres) wait(ctx context.Context, conn *pgx.Conn) error {
	own, cancel := context.WithTimeout(ctx, idleCheck)
	n, err := conn.WaitForNotification(own)
	cancel()
	switch {
	case err == nil:
		p.pass(n)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case pgconn.Timeout(err) && !conn.IsClosed():
		own, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		return conn.Ping(own)
	}
	return err
}

func (p *Postgres) pass(n *pgconn.Notification) {
	node, topics, _ := strings.Cut(n.Payload, "\n")
	p.mu.Lock()
	own := node == p.node
	p.mu.Unlock()
	switch {
	case own:
	case topics == everybody:
		p.hub.RingAll()
	default:
		p.hub.Ring(strings.Split(topics, "\n")...)
	}
}

func hangUp(conn *pgx.Conn) {
	if conn != nil {
		own, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(own)
	}
}

// sleep reports whether it slept through.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
