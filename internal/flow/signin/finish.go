package signin

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Finish makes the grant of a sign-in that Next lets through. Called again before the application collected, it gives
// the same one. ErrSpare; login.ErrStale when the login is not allowed (any more) or was collected.
func (f *Flow) Finish(ctx context.Context, s Session) (secret.Text, error) {
	switch step := Next(s, f.now(), transaction.SignIn); {
	case step.Kind == Spare && !step.Passes():
		return secret.Text{}, ErrSpare
	case !step.Passes():
		return secret.Text{}, login.ErrStale
	}
	var grant secret.Text
	err := f.db.Write(ctx, func(st Store) (err error) {
		if err = f.stillKept(ctx, st, s); err != nil {
			return err
		}
		grant, err = f.finish(ctx, st, s)
		return err
	})
	if err != nil {
		return secret.Text{}, err
	}
	return grant, nil
}

// finish makes the grant inside the caller's database transaction. It is derived from the login and the master
// key, so finishing again, in a second window or after a lost redirect, gives the same one: it is good once,
// whoever brings it first.
func (f *Flow) finish(ctx context.Context, st Store, s Session) (secret.Text, error) {
	grant := secret.NewText(base64.RawURLEncoding.EncodeToString(f.keys.Digest("login-ticket-value", s.Login.ID)))
	now := f.now()
	by, keep, err := f.keeps(ctx, st, s)
	if err != nil {
		return grant, err
	}
	err = st.FinishLogin(ctx, s.Login.ID, f.keys.Digest(login.GrantPurpose, grant.Reveal()), now.Add(login.GrantLife), now)
	if err == nil && keep {
		err = f.keepBrowser(ctx, st, s, by)
	}
	return grant, err
}

// Enter is Code for a sign-in that has nothing left to ask: a right code also finishes the login, in the same
// database transaction. The grant is empty when a question is still due; the present page asks it. The session's
// Login.Remember is what the person chose with the code.
func (f *Flow) Enter(ctx context.Context, s Session, typed string) (secret.Text, error) {
	if !f.open(s, transaction.SignIn) {
		return secret.Text{}, login.ErrStale
	}
	var grant secret.Text
	err := f.tryCode(ctx, s, typed, transaction.SignIn, func(st Store, s Session, m factor.Match, outcome error) (err error) {
		grant = secret.Text{}
		if outcome == nil && f.after(s, m).Kind == Done {
			grant, err = f.finish(ctx, st, s)
		}
		return err
	})
	if err != nil {
		return secret.Text{}, err
	}
	return grant, nil
}

// after is what the sign-in asks once this code has let in.
func (f *Flow) after(s Session, m factor.Match) Step {
	d := decision(s, m)
	s.Login.Stage, s.Login.Factor, s.Login.Reason, s.Login.Proof = login.Allowed, m.Log, d.Reason, d.Proof
	if f.recovers(s, m.Log) {
		s.Login.ManageProof, s.Login.Manage = f.now(), d.Proof
	}
	return Next(s, f.now(), transaction.SignIn)
}

// Collect takes the grant: once, by the application it was made for, while the user may still sign in. login.ErrGrant.
func (f *Flow) Collect(ctx context.Context, grant secret.Text, applicationID string) (Result, error) {
	a, err := f.db.Read().ApplicationByID(ctx, applicationID)
	if err != nil {
		return Result{}, err
	}
	return f.CollectFor(ctx, grant, a, nil)
}

// CollectFor is Collect for a door that has just read the application and has something of its own to spend,
// such as the client's assertion: spend runs in the same database transaction, and before a grant that is not good is
// refused, in one of its own. application.ErrSpent when it was spent before: then the grant is untouched.
func (f *Flow) CollectFor(ctx context.Context, grant secret.Text, a application.Application, spend func(context.Context, Spender) error) (Result, error) {
	r := Result{Application: a}
	if spend == nil {
		spend = func(context.Context, Spender) error { return nil }
	}
	digest := f.keys.Digest(login.GrantPurpose, grant.Reveal())
	var v flow.Snapshot
	err := f.db.Write(ctx, func(st Store) (err error) {
		if err = spend(ctx, st); err != nil {
			return err
		}
		if err = st.CollectGrant(ctx, digest, a.ID, f.now()); err != nil {
			return err
		}
		if v, err = st.SnapshotByGrant(ctx, digest); err != nil {
			return err
		}
		return f.recheck(ctx, st, v)
	})
	if errors.Is(err, login.ErrGrant) {
		err = cmp.Or(f.db.Write(ctx, func(st Store) error { return spend(ctx, st) }), err)
	}
	if err != nil {
		return r, err
	}
	return r, r.fill(v)
}

// stillUnknown refuses the sign-in of a name that nobody had, when somebody has it by now: what holds for them was never asked.
// login.ErrGrant.
func (f *Flow) stillUnknown(ctx context.Context, st Store, l login.Login) error {
	if l.UserID != "" {
		return nil
	}
	_, err := st.UserByName(ctx, l.Username)
	switch {
	case errors.Is(err, user.ErrUnknown):
		return nil
	case err == nil:
		err = login.ErrGrant
	}
	return err
}

// stillKept refuses a sign-in by a remembered browser that is forgotten by now, or that policy lets skip nothing any more.
// login.ErrStale.
func (f *Flow) stillKept(ctx context.Context, st Store, s Session) error {
	if s.Login.Reason != audit.RememberedDevice {
		return nil
	}
	kept, err := st.BrowsersOf(ctx, s.User.ID)
	if err != nil {
		return err
	}
	for _, b := range kept {
		if b.ID == s.Login.Proof.Browser && b.Of(s.User.ID, s.Application.ID) && b.Good(s.Policy.RememberDays, f.now()) {
			return nil
		}
	}
	return login.ErrStale
}

// recheck asks of a sign-in about to be collected what its snapshot does not tell. login.ErrGrant.
func (f *Flow) recheck(ctx context.Context, st Store, v flow.Snapshot) error {
	err := f.stillKept(ctx, st, Session{Login: v.Login}.as(v))
	if errors.Is(err, login.ErrStale) {
		return login.ErrGrant
	}
	if err != nil {
		return err
	}
	return f.stillUnknown(ctx, st, v.Login)
}

// RepeatLife is how long what was collected may be told again to the browser whose sign-in it was: as long as a
// person waits for a page whose answer got lost on the way.
const RepeatLife = time.Minute

// Recollect gives again what Collect gave a moment ago, for a door that answers the person's browser itself, where a
// lost page would lose the sign-in. The person must still be one who may sign in. login.ErrGrant otherwise.
func (f *Flow) Recollect(ctx context.Context, s Session) (Result, error) {
	v, err := f.db.Read().SnapshotByLogin(ctx, s.Login.ID)
	if err != nil {
		return Result{}, err
	}
	if v.Login.Collected.IsZero() || !f.now().Before(v.Login.Collected.Add(RepeatLife)) {
		return Result{}, login.ErrGrant
	}
	if err := f.recheck(ctx, f.db.Read(), v); err != nil {
		return Result{}, err
	}
	r := Result{Application: v.Application}
	return r, r.fill(v)
}

// fill adds the login and the person to what an application learns; login.ErrGrant when they may not sign in there any
// more: what holds now counts, not what held at the proof (AC-014, AC-034, RULE-42).
func (r *Result) fill(v flow.Snapshot) error {
	r.Login = v.Login
	s := Session{Login: v.Login}.as(v)
	if !s.Application.Usable() || !s.holds() {
		return login.ErrGrant
	}
	r.Event, r.Time = audit.EventAuthentication, r.Login.DecidedAt
	r.User = v.User
	p, _ := v.Phone(r.Login.PhoneID)
	r.Device = p.Name
	return nil
}
