package command

import (
	"cmp"
	"strconv"

	"countersign/internal/domain/settings"
	"countersign/internal/flow/directory"
)

// settingsDoc holds the organization's settings in a JSON document.
type settingsDoc struct {
	Organization     string    `json:"organization"`
	Help             string    `json:"help_line"`         // how people reach the help desk
	LockoutThreshold int       `json:"lockout_threshold"` // failures in a row that lock a user out
	LockoutMinutes   *int      `json:"lockout_minutes"`   // null: a lock-out never ends by itself
	DormantDays      int       `json:"dormant_days"`      // days without a sign-in after which enrolling needs the help desk
	ChangeMail       bool      `json:"change_mail"`       // people get mail when their devices change
	FraudEmail       string    `json:"fraud_email"`       // "": nobody gets reports
	EnrollmentStyle  string    `json:"enrollment_style"`  // universal or traditional
	Policy           policyDoc `json:"policy"`
}

// settingsOf makes the document of the settings.
func settingsOf(s settings.Settings) settingsDoc {
	d := settingsDoc{
		Organization: s.Organization, Help: s.Help, LockoutThreshold: s.LockoutThreshold, DormantDays: s.DormantDays,
		ChangeMail: !s.NoChangeMail, FraudEmail: s.FraudEmail, EnrollmentStyle: cmp.Or(s.EnrollmentStyle, settings.Universal), Policy: policyOf(s.Policy),
	}
	if s.LockoutMinutes != directory.Never {
		d.LockoutMinutes = &s.LockoutMinutes
	}
	return d
}

// write prints the settings as text.
func (d settingsDoc) write(p *page) {
	minutes := label("never")
	if d.LockoutMinutes != nil {
		minutes = strconv.Itoa(*d.LockoutMinutes)
	}
	p.fields(append([]any{
		"organization", d.Organization, "help_line", d.Help, "lockout_threshold", d.LockoutThreshold,
		"lockout_minutes", minutes, "dormant_days", d.DormantDays, "change_mail", d.ChangeMail, "fraud_email", d.FraudEmail, "enrollment_style", d.EnrollmentStyle}, d.Policy.fields()...)...)
}

// settingsShow is `countersign settings show`: it prints the organization's settings and policy. It changes nothing.
type settingsShow struct{}

func (settingsShow) Run(r *run) error {
	return r.open(func(in *instance) error {
		s, err := in.Settings(r.ctx)
		if err != nil {
			return err
		}
		doc := settingsOf(s)
		return r.show(doc, doc.write)
	})
}

// settingsSet is `countersign settings set`: it changes the settings that are given as flags, writes a row of the
// administrator log when something differs, and prints all settings. They hold for every application that has no
// setting of its own.
type settingsSet struct {
	Organization     *string `help:"Name people see on pages and in mail." placeholder:"NAME"`
	HelpLine         *string `help:"How to reach the help desk; people see it when they are stuck." placeholder:"TEXT"`
	LockoutThreshold *int    `help:"Failures in a row that lock someone out, 1 to 100." placeholder:"N"`
	LockoutMinutes   string  `help:"Minutes until a locked-out person may try again, 5 to 30000, or never." placeholder:"N|never"`
	DormantDays      *int    `help:"Days without a sign-in after which a first device needs the help desk." placeholder:"N"`
	ChangeMail       *bool   `negatable:"" help:"Mail people when their devices change."`
	FraudEmail       *string `help:"Mail address that is told when someone answers \"not me\" or is locked out; empty for none." placeholder:"ADDRESS"`
	EnrollmentStyle  *string `enum:"universal,traditional" placeholder:"universal|traditional" help:"What an enrollment link opens."`
	policyFlags
}

func (c *settingsSet) Run(r *run) error {
	change := directory.SettingsChange{
		Organization: c.Organization, Help: c.HelpLine, LockoutThreshold: c.LockoutThreshold,
		DormantDays: c.DormantDays, ChangeMail: c.ChangeMail, FraudEmail: c.FraudEmail, EnrollmentStyle: c.EnrollmentStyle,
	}
	var err error
	if change.Policy, err = c.change(); err != nil {
		return err
	}
	switch c.LockoutMinutes {
	case "":
	case "never":
		never := directory.Never
		change.LockoutMinutes = &never
	default:
		n, err := strconv.Atoi(c.LockoutMinutes)
		if err != nil || n < 0 {
			return usagef("--lockout-minutes is a number or never, not %q", c.LockoutMinutes)
		}
		change.LockoutMinutes = &n
	}
	return r.open(func(in *instance) error {
		s, err := in.SetSettings(r.ctx, directory.CommandLine, change)
		if err != nil {
			return err
		}
		doc := settingsOf(s)
		return r.show(doc, doc.write)
	})
}
