package mobile

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
)

// againWithin is how long after a claim its answer may be asked for once more.
const againWithin = 10 * time.Minute

// again gives the answer to a claim once more, to the app whose connection broke or which was closed before it had it:
// it signs with the key that the code was claimed with. Without this the phone would be set up at the server and know
// nothing of it. Once that key signed a call, the app has its answer, and the secrets in it are given to nobody. Any other
// app is told that the code was used.
func (f *Flow) again(ctx context.Context, act activation.Activation, keyID string) (phonewire.Account, error) {
	none, st := phonewire.Account{}, f.db.Read()
	if act.Claimed.IsZero() || !f.now().Before(act.Claimed.Add(againWithin)) {
		return none, activation.ErrUsed
	}
	c := claim{act: act}
	var err error
	if c.key, err = st.KeyByID(ctx, keyID); err != nil || !c.key.Confirmed.IsZero() {
		return none, lacking(err, activation.ErrUsed)
	}
	if c.p, err = st.PhoneByID(ctx, act.PhoneID); err != nil || c.p.KeyID != keyID {
		return none, lacking(err, activation.ErrUsed)
	}
	if c.user, err = st.AccountByID(ctx, c.p.UserID); err != nil || !c.user.MaySignIn() || c.user.Epoch != act.Epoch {
		return none, lacking(err, activation.ErrUsed)
	}
	if c.set, err = st.LoadSettings(ctx); err != nil {
		return none, err
	}
	if c.seed, err = f.keys.Open(phone.SeedPurpose, c.p.ID, c.p.OTP.Seed); err != nil {
		return none, err
	}
	if err := f.paired(ctx, st, &c); err != nil {
		return none, err
	}
	return f.account(&c), nil
}

// paired finds the application in which a code was shown; none when its sign-in or session is forgotten.
func (f *Flow) paired(ctx context.Context, st Store, c *claim) error {
	id := ""
	if c.act.LoginID != "" {
		l, err := st.LoginByID(ctx, c.act.LoginID)
		if err != nil && !errors.Is(err, login.ErrStale) {
			return err
		}
		id = l.ApplicationID
	} else if c.act.SessionID != "" {
		s, err := st.SessionByID(ctx, c.act.SessionID)
		if err != nil && !errors.Is(err, session.ErrIdle) {
			return err
		}
		id = s.ApplicationID
	}
	if id == "" {
		return nil
	}
	var err error
	c.app, err = st.ApplicationByID(ctx, id)
	return err
}
