package directory

import (
	"context"
	"strings"
	"unicode/utf8"

	"countersign/internal/base/errs"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/settings"
)

// ErrSetting reports a setting out of range; the argument "field" names it.
var ErrSetting = errs.New(errs.Invalid, "settings.invalid")

// Never as LockoutMinutes: a locked-out user waits for an administrator.
const Never = -1

// SettingsChange is what SetSettings writes; nil leaves a field as it is.
type SettingsChange struct {
	Organization     *string // 1 to 100 characters
	Help             *string // contact line of the help desk, at most 200 characters
	LockoutThreshold *int    // 1 to 100
	LockoutMinutes   *int    // 5 to 30000, or Never
	DormantDays      *int    // 1 to 3650
	ChangeMail       *bool   // mail a user when his devices change (RULE-25)
	FraudEmail       *string // one mail address that gets reports of "not me" and of lock-outs (M-12), or empty for none
	EnrollmentStyle  *string // settings.Universal or settings.Traditional: what enrollment links open (C-10)
	Policy           PolicyChange
}

// Settings gives the organization's settings, defaults filled.
func (f *Flow) Settings(ctx context.Context) (settings.Settings, error) {
	return f.db.Read().LoadSettings(ctx)
}

// SetSettings changes them. Errors: ErrSetting, ErrPolicy, ErrNumber. Nothing is written or logged when nothing differs.
func (f *Flow) SetSettings(ctx context.Context, actor audit.Actor, c SettingsChange) (settings.Settings, error) {
	var s settings.Settings
	err := f.change(ctx, actor, audit.OverSettings, func(st Store) (err error) {
		if s, err = st.LockSettings(ctx); err != nil {
			return err
		}
		description, err := c.apply(&s)
		if err != nil || len(description) == 0 {
			return err
		}
		if err := st.SaveSettings(ctx, s); err != nil {
			return err
		}
		if _, changed := description[rememberDays]; changed {
			if err := f.forgetOlderEverywhere(ctx, st, s.Policy); err != nil {
				return err
			}
		}
		return f.log(ctx, st, actor, "customer_update", s.Organization, description)
	})
	return s, err
}

func (c SettingsChange) apply(s *settings.Settings) (map[string]any, error) {
	d := map[string]any{}
	var noMail *bool
	if c.ChangeMail != nil {
		off := !*c.ChangeMail
		noMail = &off
	}
	set(d, "organization", &s.Organization, c.Organization)
	set(d, "help", &s.Help, c.Help)
	set(d, "lockout_threshold", &s.LockoutThreshold, c.LockoutThreshold)
	set(d, "lockout_minutes", &s.LockoutMinutes, c.LockoutMinutes)
	set(d, "dormant_days", &s.DormantDays, c.DormantDays)
	set(d, "no_change_mail", &s.NoChangeMail, noMail)
	set(d, "fraud_email", &s.FraudEmail, c.FraudEmail)
	set(d, "enrollment_style", &s.EnrollmentStyle, c.EnrollmentStyle)
	if err := c.Policy.apply(&s.Policy, d); err != nil {
		return nil, err
	}
	if c.Policy.NumberEntry != nil || c.Policy.NumberRequired != nil {
		if err := agree(s.Policy); err != nil {
			return nil, err
		}
	}
	for _, check := range []struct {
		field string
		good  bool
	}{
		{"organization", line(s.Organization, 1, 100)},
		{"help", line(s.Help, 0, 200)},
		{"lockout_threshold", s.LockoutThreshold >= 1 && s.LockoutThreshold <= 100},
		{"lockout_minutes", s.LockoutMinutes == Never || s.LockoutMinutes >= 5 && s.LockoutMinutes <= 30000},
		{"enrollment_style", s.EnrollmentStyle == "" || s.EnrollmentStyle == settings.Universal || s.EnrollmentStyle == settings.Traditional},
		{"fraud_email", checkEmail(s.FraudEmail) == nil},
		{"dormant_days", s.DormantDays >= 1 && s.DormantDays <= 3650},
	} {
		if !check.good {
			return nil, ErrSetting.Arg("field", check.field)
		}
	}
	return d, nil
}

// line reports whether s is one line of low to high characters.
func line(s string, low, high int) bool {
	n := utf8.RuneCountInString(s)
	return n >= low && n <= high && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, steers)
}
