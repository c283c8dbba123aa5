package signin

import (
	"context"
	"strings"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/settings"
)

// What pages ask besides a session.

// Known finds the login of an address and its key, whatever its state: a page that says that a sign-in is over still has
// to know whose it was. login.ErrStale when there is none, or the key is another's.
func (f *Flow) Known(ctx context.Context, loginID string, key secret.Text) (login.Login, error) {
	l, err := f.db.Read().LoginByID(ctx, loginID)
	if err == nil && !f.opens(l, key) {
		err = login.ErrStale
	}
	return l, err
}

// opens reports whether a key is that of a login.
func (f *Flow) opens(l login.Login, key secret.Text) bool {
	return !key.Empty() && secret.Equal(l.CookieDigest, f.keys.Digest(login.CookiePurpose, key.Reveal()))
}

// ApplicationName is the name of a login's application as people know it; "" when it cannot be read.
func (f *Flow) ApplicationName(ctx context.Context, l login.Login) string {
	a, err := f.db.Read().ApplicationByID(ctx, l.ApplicationID)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(a.Name)
}

// Traditional reports whether enrollment links open the traditional wizard (C-10).
func (f *Flow) Traditional(ctx context.Context) (bool, error) {
	s, err := f.db.Read().LoadSettings(ctx)
	return s.EnrollmentStyle == settings.Traditional, err
}

// BeginInvited is Begin for the holder of an enrollment link, at the product's own application. r names the door, the
// user and the link.
func (f *Flow) BeginInvited(ctx context.Context, r Request) (Opening, error) {
	var err error
	if r.Application, err = f.db.Read().ApplicationByID(ctx, application.PortalID); err != nil {
		return Opening{}, err
	}
	return f.Begin(ctx, r)
}
