package signin

import (
	"context"
	"encoding/base64"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
	"countersign/internal/flow/factor"
)

// RememberDays is for how many days this sign-in may have its browser remembered; 0 = the choice is not offered.
// An enrollment link opens nothing that could be skipped (RULE-15).
func (s Session) RememberDays() int {
	if s.Login.Door == login.DoorWizard || s.Application.Type == application.TypePortal {
		return 0
	}
	return max(s.Policy.RememberDays, 0)
}

// ChooseRemember notes what the person chose in the box, so that an answer on the phone later finds it.
// login.ErrStale when the sign-in is over or offers no choice.
func (f *Flow) ChooseRemember(ctx context.Context, s Session, yes bool) error {
	if s.RememberDays() == 0 {
		return login.ErrStale
	}
	return f.db.Write(ctx, func(st Store) error { return st.ChooseRemember(ctx, s.Login.ID, yes, f.now()) })
}

// keeps gives the proof by which the sign-in about to finish makes its browser a remembered one; false when it does not: the
// person did not choose it, proved by no own phone, or the proof holds no more. The account's row is locked, so that a change of
// factors or status comes wholly before or wholly after.
func (f *Flow) keeps(ctx context.Context, st Store, s Session) (p account.Proof, keep bool, err error) {
	if !s.Login.Remember || s.RememberDays() == 0 || s.User.ID == "" {
		return p, false, nil
	}
	v, err := st.LockAt(ctx, s.User.ID, s.Application.ID)
	if err != nil {
		return p, false, err
	}
	s = s.as(v)
	s.Login, err = st.LoginByID(ctx, s.Login.ID)
	if err != nil || s.Login.Stage != login.Allowed { // a login finished before has made its browser already, or not
		return p, false, err
	}
	return s.Login.Proof, factor.Logged(s.Login.Factor).Remembers && s.User.Refusal() == nil && s.holds(), nil
}

// browserValue is what the cookie holds: 32 bytes that only the master key makes of the login. So a lost redirect
// loses nothing; the row, which says that it is good, is made once.
func (f *Flow) browserValue(loginID string) (value secret.Text, digest []byte) {
	value = secret.NewText(base64.RawURLEncoding.EncodeToString(f.keys.Digest("remembered-browser-value", loginID)))
	return value, f.keys.Digest(remembered.DigestPurpose, value.Reveal())
}

func (f *Flow) keepBrowser(ctx context.Context, st Store, s Session, p account.Proof) error {
	now := f.now()
	_, digest := f.browserValue(s.Login.ID)
	return st.CreateBrowser(ctx, remembered.Browser{ID: id.Key(f.rand, id.Browser), UserID: s.User.ID, ApplicationID: s.Application.ID,
		Digest: digest, Proof: p, Name: describeClient(s.Login.UserAgent), Created: now, Used: now, Expires: now.Add(time.Duration(s.RememberDays()) * remembered.Day)})
}

// KeptBrowser gives what the browser of a finished sign-in shall keep, and for how long; empty when it was not to be
// remembered.
func (f *Flow) KeptBrowser(ctx context.Context, s Session) (secret.Text, time.Duration, error) {
	if !s.Login.Remember || s.RememberDays() == 0 {
		return secret.Text{}, 0, nil
	}
	value, digest := f.browserValue(s.Login.ID)
	b, found, err := f.db.Read().BrowserByDigest(ctx, digest)
	if err != nil || !found || !b.Of(s.Login.UserID, s.Application.ID) {
		return secret.Text{}, 0, err
	}
	return value, b.Expires.Sub(f.now()), nil
}

// recognize finds the remembered browser that answers the challenge of the gates, if any (H-17: after status,
// policy and new users). purpose is of the digest of what is kept. over names one that this browser need not be asked for again.
func (f *Flow) recognize(ctx context.Context, r Request, g Gate, purpose string) (b remembered.Browser, good bool, over string, err error) {
	if r.Remembered.Empty() || r.Invitation != "" || g.Outcome != OutcomeChallenge || g.Reason != "" {
		return b, false, "", nil
	}
	b, found, err := f.db.Read().BrowserByDigest(ctx, f.keys.Digest(purpose, r.Remembered.Reveal()))
	if err != nil || !found || !b.Of(g.User.ID, g.Application.ID) {
		return b, false, "", err
	}
	if b.Over(g.Policy.RememberDays, f.now()) {
		over = b.ID
	}
	return b, f.skips(r, g, b), over, nil
}

// skips reports whether a remembered browser answers the challenge of the gates now. Where a spare way is demanded, someone
// without one is asked, and led to it (RULE-10).
func (f *Flow) skips(r Request, g Gate, b remembered.Browser) bool {
	s := Session{Login: login.Login{Door: r.Door}, Application: g.Application, Policy: g.Policy, Ways: g.Ways}
	return s.RememberDays() > 0 && b.Good(g.Policy.RememberDays, f.now()) && factor.Holds(g.person(), b.Proof) &&
		(g.Policy.Spare != policy.SpareRequire || devices(g.person(), g.Ways) > 1)
}

// meet notes the use of a recognized browser, which ends the change when it was forgotten a moment ago, and drops one whose
// time is over, so that no clock set back revives it.
func (f *Flow) meet(ctx context.Context, st Store, b remembered.Browser, good bool, over string) error {
	if good {
		return st.UseBrowser(ctx, b.ID, f.now())
	}
	if over == "" {
		return nil
	}
	return st.ForgetBrowser(ctx, over)
}
