package directory

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
)

var (
	// ErrType reports a kind of application this release cannot serve.
	ErrType = errs.New(errs.Invalid, "application.type")
	// ErrNormalization reports an unknown way to read names.
	ErrNormalization = errs.New(errs.Invalid, "application.normalization")
	// ErrRedirectURI reports an address people may not be sent back to (RULE-27); argument "uri".
	ErrRedirectURI = errs.New(errs.Invalid, "application.redirect_uri")
	// ErrDateless reports a value that is neither "on" nor "off".
	ErrDateless = errs.New(errs.Invalid, "application.dateless")
	// ErrOutage reports a value that is neither "deny" nor "client", or an application whose clients cannot tell an outage.
	ErrOutage = errs.New(errs.Invalid, "application.outage")
	// ErrUnfit reports a setting that applications of that type have no use for; arguments "field", "type".
	ErrUnfit = errs.New(errs.Invalid, "application.unfit")
	// ErrFrameHost reports something that is no host name for the list of framing pages; argument "host".
	ErrFrameHost = errs.New(errs.Invalid, "application.frame_host")
	// ErrPolicy reports a policy value out of range; the argument "field" names it.
	ErrPolicy = errs.New(errs.Invalid, "policy.invalid")
	// ErrNumber reports that a number is demanded of requests while number entry is off.
	ErrNumber = errs.New(errs.Invalid, "policy.number")
	// ErrRedirectUnlisted reports an address to remove that is not listed; argument "uri".
	ErrRedirectUnlisted = errs.New(errs.NotFound, "application.redirect_unlisted")
)

const maxRedirectURIs = 100

// rememberDays names that setting in the log.
const rememberDays = "remember_days"

// ApplicationChange is what AddApplication and SetApplication write; nil leaves a field as it is.
// A zero value inside Policy fields means "as the organization's policy says".
type ApplicationChange struct {
	Name               *string
	SelfService        *bool
	Normalization      *application.Normalization
	Disabled           *bool
	Policy             PolicyChange
	AddRedirectURIs    []string
	RemoveRedirectURIs []string
	ClearRedirectURIs  bool // before adding: any address allowed by RULE-27 again
	// Dateless lets requests signed without a date in: "on", "off", or "" as the type says (RULE-30).
	Dateless *string
	// Outage is what a lost database is answered with: "deny", or "client" for 503, which leaves it to the fail mode of
	// the client (authapi and unix only).
	Outage *string
	// FrameHosts takes the list's place: hosts whose pages may frame the traditional prompt, "app.example.edu"
	// or with a port; empty = the page the client names (RULE-28).
	FrameHosts *[]string
}

// PolicyChange changes one policy layer; nil leaves a field, a pointer to the zero value clears it.
type PolicyChange struct {
	NewUser            *policy.NewUser
	Authentication     *policy.Authentication
	Methods            *[]string
	NumberEntry        *int
	NumberRequired     *string
	Spare              *policy.Spare
	PasscodeType       *string
	InlineReenrollment *string
	RememberDays       *int
}

// AddApplication creates an application with a fresh key and secret. name is cleaned. Errors:
// application.ErrNameInvalid, ErrType, ErrPolicy, ErrNumber, ErrRedirectURI, ErrNormalization, ErrDateless,
// ErrOutage, ErrFrameHost, ErrUnfit.
func (f *Flow) AddApplication(ctx context.Context, actor audit.Actor, t application.Type, c ApplicationChange) (application.Application, secret.Text, error) {
	if err := may(actor, audit.OverSettings); err != nil {
		return application.Application{}, secret.Text{}, err
	}
	if !slices.Contains(application.Types, t) {
		return application.Application{}, secret.Text{}, ErrType.Arg("type", t)
	}
	a := application.Application{
		ID: id.Key(f.rand, id.Application), Type: t, Normalization: application.NormalizationSimple, Created: f.now(),
	}
	description, err := c.apply(&a)
	if err != nil {
		return a, secret.Text{}, err
	}
	if a.Name, err = application.CleanName(a.Name); err != nil {
		return a, secret.Text{}, err
	}
	description["application_id"], description["type"] = a.ID, t
	plain := id.ApplicationSecret(f.rand)
	a.Secret = f.keys.Seal(application.SecretPurpose, a.ID, []byte(plain))
	err = f.change(ctx, actor, audit.OverSettings, func(st Store) error {
		if err := c.Policy.agrees(ctx, st, a.Policy); err != nil {
			return err
		}
		if err := st.CreateApplication(ctx, a); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "integration_create", a.Name, description)
	})
	return a, secret.NewText(plain), err
}

// Application finds one that was not deleted. application.ErrUnknown.
func (f *Flow) Application(ctx context.Context, key string) (application.Application, error) {
	return liveApplication(ctx, f.db.Read(), key)
}

// Applications lists those not deleted, by name, without the product's own portal.
func (f *Flow) Applications(ctx context.Context) ([]application.Application, error) {
	all, err := f.db.Read().Applications(ctx)
	return slices.DeleteFunc(all, func(a application.Application) bool { return a.Type == application.TypePortal }), err
}

// Hosts lists the machines that told an application's fail mode, by name.
func (f *Flow) Hosts(ctx context.Context, key string) ([]application.Host, error) {
	return f.db.Read().Hosts(ctx, key)
}

// SetApplication changes an application. Nothing is written or logged when nothing differs. Errors: application.ErrUnknown,
// ErrRedirectUnlisted and those of AddApplication.
func (f *Flow) SetApplication(ctx context.Context, actor audit.Actor, key string, c ApplicationChange) (application.Application, error) {
	var a application.Application
	err := f.change(ctx, actor, audit.OverSettings, func(st Store) (err error) {
		if a, err = lockApplication(ctx, st, key); err != nil {
			return err
		}
		description, err := c.apply(&a)
		if err != nil || len(description) == 0 {
			return err
		}
		if err := c.Policy.agrees(ctx, st, a.Policy); err != nil {
			return err
		}
		if err := st.SaveApplication(ctx, a); err != nil {
			return err
		}
		if _, changed := description[rememberDays]; changed {
			s, err := st.LoadSettings(ctx)
			if err != nil {
				return err
			}
			if err := f.forgetOlder(ctx, st, s.Policy, a); err != nil {
				return err
			}
		}
		return f.log(ctx, st, actor, "integration_update", a.Name, description)
	})
	return a, err
}

// ErrPortal reports an attempt to delete the product's own portal.
var ErrPortal = errs.New(errs.Forbidden, "application.portal")

// DeleteApplication makes an application a tombstone: its key is never given again, and its secrets work no more.
// They stay known, so that who signs with one is refused and taken for no stranger (RULE-34).
func (f *Flow) DeleteApplication(ctx context.Context, actor audit.Actor, key string) error {
	return f.change(ctx, actor, audit.OverSettings, func(st Store) error {
		a, err := lockApplication(ctx, st, key)
		if err != nil {
			return err
		}
		if a.Type == application.TypePortal {
			return ErrPortal
		}
		a.Deleted, a.Disabled = f.now(), true
		if err := f.retireSecrets(ctx, st, a); err != nil {
			return err
		}
		if err := st.SaveApplication(ctx, a); err != nil {
			return err
		}
		if _, err := st.ForgetBrowsersFor(ctx, a.ID, time.Time{}); err != nil {
			return err
		}
		if _, err := st.ForgetHosts(ctx, a.ID, 0); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "integration_delete", a.Name, map[string]any{"application_id": a.ID})
	})
}

// RevealSecret gives an application's secret again; the look is logged (RULE-34).
func (f *Flow) RevealSecret(ctx context.Context, actor audit.Actor, key string) (secret.Text, error) {
	var plain []byte
	err := f.change(ctx, actor, audit.OverSettings, func(st Store) error {
		a, err := liveApplication(ctx, st, key)
		if err != nil {
			return err
		}
		if plain, err = f.keys.Open(application.SecretPurpose, a.ID, a.Secret); err != nil {
			return err
		}
		return f.log(ctx, st, actor, "integration_skey_view", a.Name, map[string]any{"application_id": a.ID})
	})
	if err != nil {
		return secret.Text{}, err
	}
	return secret.NewText(string(plain)), nil
}

// liveApplication reads an application that was not deleted.
func liveApplication(ctx context.Context, st Store, key string) (application.Application, error) {
	return live(st.ApplicationByID(ctx, key))
}

// lockApplication is liveApplication for a change. It is the only reader of an application that is saved afterwards: two
// administrators at once change it one after the other.
func lockApplication(ctx context.Context, st Store, key string) (application.Application, error) {
	return live(st.LockApplication(ctx, key))
}

func live(a application.Application, err error) (application.Application, error) {
	if err == nil && !a.Deleted.IsZero() {
		return application.Application{}, application.ErrUnknown
	}
	return a, err
}

// apply writes the change into a and returns what differs, for the log.
func (c ApplicationChange) apply(a *application.Application) (map[string]any, error) {
	if err := c.fits(a.Type); err != nil {
		return nil, err
	}
	d := map[string]any{}
	if c.Name != nil {
		name, err := application.CleanName(*c.Name)
		if err != nil {
			return nil, err
		}
		set(d, "name", &a.Name, &name)
	}
	if c.Normalization != nil && *c.Normalization != application.NormalizationNone && *c.Normalization != application.NormalizationSimple {
		return nil, ErrNormalization
	}
	set(d, "username_normalization", &a.Normalization, c.Normalization)
	set(d, "self_service", &a.SelfService, c.SelfService)
	set(d, "disabled", &a.Disabled, c.Disabled)
	if c.Dateless != nil && *c.Dateless != "" && *c.Dateless != "on" && *c.Dateless != "off" {
		return nil, ErrDateless
	}
	set(d, "dateless", &a.Options.Dateless, c.Dateless)
	if err := c.outage(a, d); err != nil {
		return nil, err
	}
	if err := c.Policy.apply(&a.Policy, d); err != nil {
		return nil, err
	}
	uris, err := c.redirectURIs(a.RedirectURIs)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(uris, a.RedirectURIs) {
		a.RedirectURIs, d["redirect_uris"] = uris, uris
	}
	return d, c.frameHosts(a, d)
}

// fits refuses what would be written down and then do nothing.
func (c ApplicationChange) fits(t application.Type) error {
	browser := t == application.TypeWebSDK || t == application.TypeWebSDK2
	switch {
	case len(c.AddRedirectURIs) > 0 && !browser:
		return ErrUnfit.Arg("field", "redirect_uris").Arg("type", t)
	case c.FrameHosts != nil && len(*c.FrameHosts) > 0 && t != application.TypeWebSDK2:
		return ErrUnfit.Arg("field", "frame_hosts").Arg("type", t)
	case c.Dateless != nil && *c.Dateless == "on" && t == application.TypeWebSDK:
		return ErrUnfit.Arg("field", "dateless").Arg("type", t)
	}
	return nil
}

func (c ApplicationChange) outage(a *application.Application, d map[string]any) error {
	if c.Outage == nil {
		return nil
	}
	want := application.OutageDeny
	switch *c.Outage {
	case "deny":
	case application.OutageClient:
		if a.Type != application.TypeUnix && a.Type != application.TypeAuthAPI {
			return ErrOutage
		}
		want = application.OutageClient
	default:
		return ErrOutage
	}
	if a.Options.Outage != want {
		a.Options.Outage, d["outage"] = want, *c.Outage
	}
	return nil
}

func (c ApplicationChange) frameHosts(a *application.Application, d map[string]any) error {
	if c.FrameHosts == nil {
		return nil
	}
	var hosts []string
	for _, h := range *c.FrameHosts {
		h = strings.ToLower(strings.TrimSpace(h))
		u, err := url.Parse("https://" + h)
		if err != nil || u.Host != h || u.Hostname() == "" || strings.ContainsAny(h, "*@/\\ ;,'\"") || len(hosts) >= maxRedirectURIs {
			return ErrFrameHost.Arg("host", h)
		}
		if !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	if !slices.Equal(hosts, a.Options.Hosts) {
		a.Options.Hosts, d["frame_hosts"] = hosts, hosts
	}
	return nil
}

func (c ApplicationChange) redirectURIs(have []string) ([]string, error) {
	uris := slices.Clone(have)
	if c.ClearRedirectURIs {
		uris = nil
	}
	for _, u := range c.RemoveRedirectURIs {
		i := slices.Index(uris, u)
		if i < 0 {
			return nil, ErrRedirectUnlisted.Arg("uri", u)
		}
		uris = slices.Delete(uris, i, i+1)
	}
	for _, u := range c.AddRedirectURIs {
		if !redirectable(u) || len(uris) >= maxRedirectURIs {
			return nil, ErrRedirectURI.Arg("uri", u)
		}
		if !slices.Contains(uris, u) {
			uris = append(uris, u)
		}
	}
	return uris, nil
}

// redirectable reports whether people may be sent to an address: https anywhere, http on loopback.
func redirectable(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 1024 || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

func (c PolicyChange) apply(p *policy.Policy, d map[string]any) error {
	set(d, "new_user_policy", &p.NewUser, c.NewUser)
	set(d, "authentication_policy", &p.Authentication, c.Authentication)
	set(d, "number_entry", &p.NumberEntry, c.NumberEntry)
	set(d, "number_required", &p.NumberRequired, c.NumberRequired)
	set(d, "spare", &p.Spare, c.Spare)
	set(d, "passcode_type", &p.PasscodeType, c.PasscodeType)
	set(d, "inline_reenrollment", &p.InlineReenrollment, c.InlineReenrollment)
	set(d, rememberDays, &p.RememberDays, c.RememberDays)
	if c.Methods != nil && !slices.Equal(*c.Methods, p.Methods) {
		p.Methods = *c.Methods
		if len(p.Methods) == 0 {
			p.Methods = nil // nothing allowed would be a lock-out by accident
		}
		d["methods"] = p.Methods
	}
	if field := p.Invalid(); field != "" {
		return ErrPolicy.Arg("field", field)
	}
	return nil
}

// agrees checks an application's layer after the change against the organization's, when the change is about numbers.
func (c PolicyChange) agrees(ctx context.Context, st Store, application policy.Policy) error {
	if c.NumberEntry == nil && c.NumberRequired == nil {
		return nil
	}
	s, err := st.LockSettings(ctx)
	if err != nil {
		return err
	}
	return agree(s.Policy, application)
}

// agree is ErrNumber for layers, the widest first, that cannot hold together.
func agree(layers ...policy.Policy) error {
	if !policy.Agree(layers...) {
		return ErrNumber
	}
	return nil
}

// set writes *value to *field when it differs, and notes it.
func set[T comparable](d map[string]any, name string, field *T, value *T) {
	if value != nil && *value != *field {
		*field = *value
		d[name] = *value
	}
}
