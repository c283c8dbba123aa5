package devices

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
)

// Browser is one remembered browser as its person sees it.
type Browser struct {
	ID          string
	Name        string // "Firefox on Linux"; "" = not known
	Application string
	Since       time.Time
	Used        time.Time // last sign-in it opened; Since when none
	Until       time.Time // under the policy of now
	Here        bool      // the one that asks
}

// Browsers lists the remembered browsers that still open something, newest first. kept gives what the asking browser
// keeps for an application, empty for nothing.
func (f *Flow) Browsers(ctx context.Context, v View, kept func(applicationID string) secret.Text) ([]Browser, error) {
	st, now := f.db.Read(), f.now()
	rows, err := st.BrowsersOf(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	apps := map[string]application.Application{}
	var list []Browser
	for _, b := range rows {
		app, known := apps[b.ApplicationID]
		if !known {
			if app, err = st.ApplicationByID(ctx, b.ApplicationID); err != nil && !errors.Is(err, application.ErrUnknown) {
				return nil, err
			}
			apps[b.ApplicationID] = app
		}
		days := policy.Effective(v.Settings.Policy, app.Policy).RememberDays
		if app.ID == "" || !app.Usable() || b.Over(days, now) {
			continue
		}
		until := b.Created.Add(time.Duration(days) * remembered.Day)
		if b.Expires.Before(until) {
			until = b.Expires
		}
		value := kept(app.ID)
		list = append(list, Browser{ID: b.ID, Name: b.Name, Application: app.Name, Since: b.Created, Used: b.Used, Until: until,
			Here: !value.Empty() && secret.Equal(b.Digest, f.keys.Digest(remembered.DigestPurpose, value.Reveal()))})
	}
	return list, nil
}

// ForgetBrowser makes one of the person's remembered browsers ask again; one that is gone already is no mistake.
// It only takes something away, so the session alone is enough, without a fresh proof.
func (f *Flow) ForgetBrowser(ctx context.Context, v View, browserID string) error {
	return f.forget(ctx, v, func(st Store) (int64, error) {
		rows, err := st.BrowsersOf(ctx, v.User.ID)
		if err != nil {
			return 0, err
		}
		for _, b := range rows {
			if b.ID == browserID {
				return 1, st.ForgetBrowser(ctx, b.ID)
			}
		}
		return 0, nil
	})
}

// ForgetBrowsers makes all of them ask again.
func (f *Flow) ForgetBrowsers(ctx context.Context, v View) error {
	return f.forget(ctx, v, func(st Store) (int64, error) { return st.ForgetBrowsersOf(ctx, v.User.ID) })
}

func (f *Flow) forget(ctx context.Context, v View, do func(Store) (int64, error)) error {
	return f.db.Write(ctx, func(st Store) error {
		if _, err := f.alive(ctx, st, v); err != nil {
			return err
		}
		n, err := do(st)
		if err != nil || n == 0 {
			return err
		}
		return f.log(ctx, st, v.User, "user_forget_browsers", map[string]any{"user_id": v.User.ID, "count": n})
	})
}
