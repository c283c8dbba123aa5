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
	// maxPayload is in bytes. PostgreSQL takes less than 8,000 for one NOTIFY.
	maxPayload = 7800
	// maxQueued is how many topics are kept while the connection is lost. Beyond it, every listener on every node
	// is rung instead.
	maxQueued = 20_000
	everybody = "*" // the topic of a payload that rings every listener

	connectTimeout = 5 * time.Second
	idleCheck      = 15 * time.Second // a connection without notifications is pinged this often
	maxPause       = time.Second      // longest pause between attempts; while LISTEN is down, every listener here is rung this often
	closeTimeout   = 5 * time.Second  // longest time that Close takes to send what is queued
	firstPause     = 50 * time.Millisecond
)

// Postgres is the bell of several nodes over one PostgreSQL. A ring wakes the listeners of this process at once
// and those of other nodes through NOTIFY. A goroutine of its own sends NOTIFY in batches. The transaction that
// changed something never sends it, because NOTIFY takes a lock over the whole cluster (RULE-1).
//
// LISTEN needs a session of its own, so the address must not lead through a pooler in transaction mode.
type Postgres struct {
	hub    Hub
	config *pgx.ConnConfig
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
	due    chan struct{} // holds a value while something is queued

	mu     sync.Mutex
	node   string              // first line of this node's payloads; by it the node ignores its own
	queued map[string]struct{} // topics to send
	all    bool                // more topics than maxQueued: send everybody
	unsent []string            // payloads that send had taken when Close was called
}

var _ flow.Bell = (*Postgres)(nil)

// Open connects to PostgreSQL and begins to listen. url is a connection string of pgx. It fails when the database
// cannot be reached now; a connection that is lost later is opened again by the bus itself. A nil log discards.
// The caller must Close the result.
func Open(ctx context.Context, url string, log *slog.Logger) (*Postgres, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("bus: the address of the database is not valid")
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "countersign bell"
	config.RuntimeParams["synchronous_commit"] = "off" // a ring may be lost, so it need not wait for the disk
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
	go p.receive(own, conn)
	go p.send(own)
	return p, nil
}

// Close stops listening and then sends what is still queued, so that other nodes also hear a command that rings
// and ends at once. It takes at most closeTimeout for that.
func (p *Postgres) Close() error {
	p.cancel()
	p.done.Wait()
	last := append(p.unsent, p.take()...)
	if len(last) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var conn *pgx.Conn
	defer func() { closeConn(conn) }()
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

// Ring implements flow.Bell. It never waits, neither for listeners nor for the database.
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

// take empties the queue into payloads. A payload is the node's name on the first line and then one topic on
// each line.
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

// send sends what is queued until ctx ends. The topics that are rung meanwhile make the next batch.
func (p *Postgres) send(ctx context.Context) {
	defer p.done.Done()
	var conn *pgx.Conn
	defer func() { closeConn(conn) }()
	for {
		select {
		case <-p.due:
		case <-ctx.Done():
			return
		}
		payloads := p.take()
		for i, payload := range payloads {
			for pause := firstPause; ; pause = min(2*pause, maxPause) {
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

// notify sends one payload over conn, or over a new connection when conn is nil or closed. It returns the
// connection to use next time.
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

// listen opens a connection, takes the node's name from it and executes LISTEN on it.
func (p *Postgres) listen(ctx context.Context) (*pgx.Conn, error) {
	own, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(own, p.config.Copy())
	if err != nil {
		return nil, err
	}
	var id string
	// The process id and the start time of the backend name this node as long as the connection lives.
	err = conn.QueryRow(own, `SELECT pid::text || '.' || extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()`).Scan(&id)
	if err == nil {
		_, err = conn.Exec(own, `LISTEN `+channel)
	}
	if err != nil {
		closeConn(conn)
		return nil, err
	}
	p.mu.Lock()
	p.node = id
	p.mu.Unlock()
	return conn, nil
}

// receive rings here what other nodes have rung, until ctx ends. While the connection is lost it rings every
// listener each second. Once it listens again it rings every listener once more, for what was missed.
func (p *Postgres) receive(ctx context.Context, conn *pgx.Conn) {
	defer p.done.Done()
	defer func() { closeConn(conn) }()
	pause := firstPause
	for ctx.Err() == nil {
		if conn == nil {
			fresh, err := p.listen(ctx)
			if err != nil {
				p.log.Warn("bell: cannot listen; trying again", "error", err)
				p.hub.RingAll()
				sleep(ctx, pause)
				pause = min(2*pause, maxPause)
				continue
			}
			conn, pause = fresh, firstPause
			p.hub.RingAll()
		}
		if err := p.wait(ctx, conn); err != nil {
			closeConn(conn)
			conn = nil
		}
	}
}

// wait takes one notification, or pings the connection when none has come for idleCheck. An error means that
// the connection is lost or ctx has ended.
func (p *Postgres) wait(ctx context.Context, conn *pgx.Conn) error {
	own, cancel := context.WithTimeout(ctx, idleCheck)
	n, err := conn.WaitForNotification(own)
	cancel()
	switch {
	case err == nil:
		p.deliver(n)
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

// deliver rings the topics of one payload here, unless this node has sent it.
func (p *Postgres) deliver(n *pgconn.Notification) {
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

func closeConn(conn *pgx.Conn) {
	if conn != nil {
		own, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(own)
	}
}

// sleep waits for d and reports false when ctx ended before.
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
