// Package directory is what administrators do: keep applications, users, help-desk codes,
// invitations and the organization's settings, and read the logs. The command line calls it, and so
// do other ways to administer; rules stand here, not there.
//
// Every change writes its row of the action log in the same database transaction (L-06). A change
// that takes a way in from someone also ends what that person has open.
package directory

import (
	"context"
	"io"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/audit"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// CommandLine is the actor of changes made with the operator's commands.
var CommandLine = audit.CommandLine

// ErrForbidden reports an actor without the authority for what was asked; nothing is done.
var ErrForbidden = errs.New(errs.Forbidden, "actor.forbidden")

// Needs are what a Flow is built of. Who builds one keeps them: a Flow shows none of it.
type Needs struct {
	DB        flow.Part[Store]
	Keys      *secret.Keyring
	Now       func() time.Time
	Rand      io.Reader
	Bell      flow.Bell    // may be nil: those who wait find out at their next poll
	PublicURL string       // where people reach this instance, no slash at the end; for links
	Notices   flow.Notices // may be nil: nothing is mailed
}

// Flow is the administration of one instance.
type Flow struct {
	db        flow.Part[Store]
	keys      *secret.Keyring
	now       func() time.Time
	rand      io.Reader
	bell      flow.Bell
	publicURL string
	notices   flow.Notices
}

// New builds a Flow.
func New(n Needs) *Flow {
	return &Flow{db: n.DB, keys: n.Keys, now: n.Now, rand: n.Rand, bell: n.Bell, publicURL: n.PublicURL,
		notices: n.Notices}
}

// may is ErrForbidden for an actor without an authority. Every method that changes something, or shows a secret, asks it
// before anything else.
func may(actor audit.Actor, want audit.Authority) error {
	if !actor.May(want) {
		return ErrForbidden
	}
	return nil
}

// change runs a change of an actor who has the authority for it.
func (f *Flow) change(ctx context.Context, actor audit.Actor, want audit.Authority, do func(Store) error) error {
	if err := may(actor, want); err != nil {
		return err
	}
	return f.db.Write(ctx, do)
}

// log writes the action row that belongs to a change. The description must hold no secret.
func (f *Flow) log(ctx context.Context, st Store, actor audit.Actor, action, object string, description map[string]any) error {
	return f.journal().Act(ctx, st, actor, action, object, description)
}

func (f *Flow) journal() journal.Journal { return journal.Journal{Now: f.now, Rand: f.rand} }

// ring wakes those who wait, after the change is on disk.
func (f *Flow) ring(topics []string) {
	if f.bell != nil && len(topics) > 0 {
		f.bell.Ring(topics...)
	}
}

// mail queues a message when there is somebody to send it.
func (f *Flow) mail(ctx context.Context, st Store, m flow.Notice) (queued bool, err error) {
	if f.notices == nil || m.To == "" {
		return false, nil
	}
	return true, f.notices.Queue(ctx, st, m)
}

// AuthenticationLog reads the authentication log, newest first (L-01).
func (f *Flow) AuthenticationLog(ctx context.Context, q audit.Query) ([]audit.Authentication, error) {
	return f.db.Read().Authentications(ctx, q)
}

// ActionLog reads the administrator action log, newest first (L-06).
func (f *Flow) ActionLog(ctx context.Context, q audit.Query) ([]audit.Action, error) {
	return f.db.Read().Actions(ctx, q)
}
