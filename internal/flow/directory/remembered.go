package directory

import (
	"context"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/user"
)

// ForgetUserBrowsers makes every remembered browser of a user ask again (H-18), and returns how many there were.
// user.ErrUnknown.
func (f *Flow) ForgetUserBrowsers(ctx context.Context, actor audit.Actor, who string) (u user.User, n int64, err error) {
	err = f.change(ctx, actor, audit.OverPeople, func(st Store) (err error) {
		if u, err = lockUser(ctx, st, who); err != nil {
			return err
		}
		if n, err = st.ForgetBrowsersOf(ctx, u.ID); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "user_forget_browsers", u.Username, map[string]any{"user_id": u.ID, "count": n})
	})
	return u, n, err
}

// ForgetApplicationBrowsers makes every browser remembered for an application ask again (H-18).
// application.ErrUnknown.
func (f *Flow) ForgetApplicationBrowsers(ctx context.Context, actor audit.Actor, key string) (a application.Application, n int64, err error) {
	err = f.change(ctx, actor, audit.OverSettings, func(st Store) (err error) {
		if a, err = liveApplication(ctx, st, key); err != nil {
			return err
		}
		if n, err = st.ForgetBrowsersFor(ctx, a.ID, time.Time{}); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "integration_forget_browsers", a.Name, map[string]any{"application_id": a.ID, "count": n})
	})
	return a, n, err
}

// forgetOlder forgets the browsers that a policy just changed lets nobody use: a longer one later revives none.
func (f *Flow) forgetOlder(ctx context.Context, st Store, organization policy.Policy, a application.Application) error {
	var before time.Time
	if days := policy.Effective(organization, a.Policy).RememberDays; days > 0 {
		before = f.now().Add(-time.Duration(days) * remembered.Day)
	}
	_, err := st.ForgetBrowsersFor(ctx, a.ID, before)
	return err
}

// forgetOlderEverywhere is forgetOlder for the organization's policy.
func (f *Flow) forgetOlderEverywhere(ctx context.Context, st Store, organization policy.Policy) error {
	all, err := st.Applications(ctx)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := f.forgetOlder(ctx, st, organization, a); err != nil {
			return err
		}
	}
	return nil
}
