package sqlite

import (
	"context"

	"countersign/internal/adapter/sqlstore/engine"
)

// reader is the pool of reading connections. A store method makes one statement (a few make two), so
// a connection is never held while another is asked for.
type reader struct {
	sound  *soundness
	idle   chan *conn
	size   int // how many connections there are
	closed chan struct{}
}

// use waits for a connection that nobody uses.
func (p *reader) use(ctx context.Context, do func(*conn) error) error {
	if err := p.sound.err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return engine.ErrUnavailable
	}
	defer func() { p.idle <- c }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return do(c)
}

// Query implements engine.Runner.
func (p *reader) Query(ctx context.Context, q string, args []any, want *engine.Shape, each func(engine.Row) error) error {
	if !engine.OnlyReads(q) {
		return engine.ErrOutsideWrite
	}
	return p.use(ctx, func(c *conn) error {
		err, _ := meaning(c.each(q, args, want, each))
		return err
	})
}

// Exec and Queue implement engine.Runner.
func (*reader) Exec(context.Context, string, []any) (int64, error) { return 0, engine.ErrOutsideWrite }
func (*reader) Queue(context.Context, string, []any, error) error  { return engine.ErrOutsideWrite }

// Share and Alone implement engine.Runner.
func (*reader) Share(context.Context) error { return engine.ErrOutsideWrite }
func (*reader) Alone(context.Context) error { return engine.ErrOutsideWrite }
