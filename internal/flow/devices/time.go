package devices

import (
	"context"
	"errors"
	"time"

	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
)

// Ends is when the session is over if nothing more is asked of it: idle, or as old as one may get (RULE-5).
func (v View) Ends() time.Time {
	if idle := v.Session.Seen.Add(session.Idle); idle.Before(v.Session.Expires) {
		return idle
	}
	return v.Session.Expires
}

// MoreTime reports whether there is more time worth asking for, at the end of what there is.
func (v View) MoreTime() bool { return v.Session.Expires.Sub(v.Ends()) >= time.Minute }

// holdSignIn keeps the sign-in that the session came from open as long as the session, within the most that a sign-in
// may last: whoever is busy with their devices still wants to go on to the application. A frame's pages ask for more
// time themselves.
func (f *Flow) holdSignIn(ctx context.Context, st Store, v View) error {
	l, err := st.LoginByID(ctx, v.Session.LoginID)
	if errors.Is(err, login.ErrStale) || err == nil && l.Door == login.DoorFrame {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = st.ExtendLogin(ctx, l.ID, l.Later(v.Ends().Add(-login.Life)), f.now())
	return err
}
