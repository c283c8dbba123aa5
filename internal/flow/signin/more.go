package signin

import (
	"context"
	"time"

	"countersign/internal/domain/login"
)

// KeepGoing gives the person more time (WCAG 2.2.1) and gives when the sign-in ends now; the same time as before when
// there is no more to give. login.ErrStale when it is over.
func (f *Flow) KeepGoing(ctx context.Context, s Session) (until time.Time, err error) {
	now := f.now()
	if until = s.Login.Later(now); until.Equal(s.Login.Expires) {
		return until, nil
	}
	err = f.db.Write(ctx, func(st Store) error {
		moved, err := st.ExtendLogin(ctx, s.Login.ID, until, now)
		if err != nil || moved {
			return err
		}
		l, err := st.LoginByID(ctx, s.Login.ID) // another window was first, or it is over
		if err == nil && (l.Stage != login.Open && l.Stage != login.Allowed || !now.Before(l.Expires)) {
			err = login.ErrStale
		}
		until = l.Expires
		return err
	})
	return until, err
}

// MoreTime reports whether there is more time worth asking for, at the end of what there is.
func (s Session) MoreTime() bool {
	return s.Login.Later(s.Login.Expires).Sub(s.Login.Expires) >= time.Minute
}

// Ends is when the sign-in is over for a person who still has something to do; zero when nothing waits for them.
func (s Session) Ends() time.Time {
	if s.Login.Stage != login.Open && s.Login.Stage != login.Allowed {
		return time.Time{}
	}
	return s.Login.Expires
}
