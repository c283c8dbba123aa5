package command

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/flow/directory"
)

// errNames reports a name that several applications have. Arguments: "n" and "name".
var errNames = errs.New(errs.Conflict, "command.app_names")

// appDoc is an application in a JSON document. The secret is left out where the command does not show it.
type appDoc struct {
	Name         string    `json:"name"`
	Type         string    `json:"type"`                    // websdk, websdk2, authapi or unix
	ClientID     string    `json:"client_id"`               // 20 characters
	ClientSecret string    `json:"client_secret,omitempty"` // 40 characters
	IKey         string    `json:"ikey"`                    // client_id and client_secret under the names of the signed APIs
	SKey         string    `json:"skey,omitempty"`
	APIHost      string    `json:"api_host"`               // host, with its port if it is not 443, for the client's settings
	SelfService  bool      `json:"self_service"`           // people may manage their devices from its prompt
	Names        string    `json:"username_normalization"` // none or simple
	RedirectURIs []string  `json:"redirect_uris"`          // exact; empty: any https address that the application signs
	FrameHosts   []string  `json:"frame_hosts"`            // empty: the page that the client names
	Dateless     bool      `json:"dateless"`               // requests that are signed without a date are accepted
	Outage       string    `json:"outage"`                 // while the database is lost: deny everybody, or let the client decide
	Disabled     bool      `json:"disabled"`               // every sign-in is refused
	Policy       policyDoc `json:"policy"`                 // what it sets itself
	Created      *string   `json:"created"`                // RFC 3339
	OldSecret    *string   `json:"old_secret_until"`       // until when a secret from before a reset works; null: none does

	row     application.Application
	overlap time.Time // OldSecret
}

// appDoc makes the document of an application. secret is its secret key, or "" to leave it out.
func (in *instance) appDoc(a application.Application, secret string) appDoc {
	uris := a.RedirectURIs
	if uris == nil {
		uris = []string{}
	}
	hosts := a.Options.Hosts
	if hosts == nil {
		hosts = []string{}
	}
	overlap := a.Overlap(in.now())
	return appDoc{
		Name: a.Name, Type: string(a.Type), ClientID: a.ID, ClientSecret: secret, IKey: a.ID, SKey: secret, APIHost: in.apiHost,
		SelfService: a.SelfService, Names: string(a.Normalization), RedirectURIs: uris, FrameHosts: hosts, Dateless: a.TakesDateless(), Outage: outageWord(a), Disabled: a.Disabled,
		Policy: policyOf(a.Policy), Created: stamp(a.Created), OldSecret: stamp(overlap), row: a, overlap: overlap,
	}
}

// write prints the application as text, without its secret.
func (d appDoc) write(p *page) {
	p.fields(append([]any{
		"name", d.Name, "type", d.Type, "client_id", d.ClientID, "client_secret", d.ClientSecret, "api_host", d.APIHost,
		"self_service", d.SelfService, "names", d.Names, "redirect_uris", d.RedirectURIs, "frame_hosts", d.FrameHosts, "dateless", d.Dateless, "outage", d.Outage, "disabled", d.Disabled,
		"created", d.row.Created, "old_secret_until", d.overlap}, d.Policy.fields()...)...)
}

// outageWord is the value of --outage that describes an application.
func outageWord(a application.Application) string {
	if a.ClientDecides() {
		return application.OutageClient
	}
	return "deny"
}

// findApp finds an application by its client_id, or by a name that only one application has. The error is
// application.ErrUnknown, or errNames when several have the name.
func (in *instance) findApp(ctx context.Context, key string) (application.Application, error) {
	a, err := in.Application(ctx, key)
	if !errors.Is(err, application.ErrUnknown) {
		return a, err
	}
	all, listErr := in.Applications(ctx)
	if listErr != nil {
		return a, listErr
	}
	var found []application.Application
	for _, other := range all {
		if other.Name == key {
			found = append(found, other)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return a, errNames.Arg("n", len(found)).Arg("name", key)
	}
	return a, err
}

// appFlags are the settings that both `app add` and `app set` take. A flag that is not given changes nothing.
type appFlags struct {
	SelfService   *bool    `negatable:"" help:"Let people manage their devices from its prompt."`
	Normalization string   `enum:",none,simple" default:"" placeholder:"none|simple" help:"How names are read. simple, as at the start: DOMAIN\\name and name@domain are the user name."`
	RedirectURI   []string `name:"redirect-uri" sep:"none" placeholder:"URL" help:"Exact address people may be sent back to; repeat for more. None: any https address the application signs."`
	FrameHost     []string `name:"frame-host" sep:"none" placeholder:"HOST" help:"Host whose pages may frame the traditional prompt; repeat for all of them. None: the page the application names. For websdk2."`
	Dateless      string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Let requests signed without a date in, as old clients send them; inherit: as the type says (on for unix)."`
	Outage        string   `enum:",deny,client" default:"" placeholder:"deny|client" help:"When the database is lost for longer: deny everybody (the default), or let the client's own fail mode decide (by 503); for authapi and unix."`
	policyFlags
}

// change turns the flags into a change of an application.
func (f appFlags) change() (directory.ApplicationChange, error) {
	p, err := f.policyFlags.change()
	c := directory.ApplicationChange{
		SelfService: f.SelfService, Normalization: choice[application.Normalization](f.Normalization), AddRedirectURIs: f.RedirectURI,
		Dateless: choice[string](f.Dateless), Outage: choice[string](f.Outage), Policy: p,
	}
	if len(f.FrameHost) > 0 {
		c.FrameHosts = &f.FrameHost
	}
	return c, err
}

// appAdd is `countersign app add`: it creates an application with a new key and secret, writes a row of the
// administrator log, and prints both the way the client's own configuration takes them.
type appAdd struct {
	Name string `required:"" placeholder:"NAME" help:"Name people see on the prompt and on their phone."`
	Type string `enum:"websdk,websdk2,authapi,unix" default:"websdk" placeholder:"websdk|websdk2|authapi|unix" help:"Kind of application: websdk (Web SDK 4), websdk2 (traditional prompt), authapi, unix (login_duo, pam_duo)."`
	appFlags
}

func (c *appAdd) Run(r *run) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	change.Name = &c.Name
	return r.open(func(in *instance) error {
		a, secret, err := in.AddApplication(r.ctx, directory.CommandLine, application.Type(c.Type), change)
		if err != nil {
			return err
		}
		doc := in.appDoc(a, secret.Reveal())
		return r.show(doc, func(p *page) {
			p.line("app.added", "name", cell(a.Name))
			in.keys(p, doc)
			p.line("app.keep_secret", "id", doc.ClientID)
		})
	})
}

// appList is `countersign app list`: it lists the applications that are not deleted, without secrets. It changes
// nothing.
type appList struct{}

func (appList) Run(r *run) error {
	return r.open(func(in *instance) error {
		all, err := in.Applications(r.ctx)
		if err != nil {
			return err
		}
		docs := make([]appDoc, 0, len(all))
		rows := make([][]any, 0, len(all))
		for _, a := range all {
			docs = append(docs, in.appDoc(a, ""))
			rows = append(rows, []any{a.Name, a.Type, a.ID, a.SelfService, a.Policy.NewUser, outageWord(a), a.Disabled})
		}
		return r.show(docs, func(p *page) {
			if len(docs) == 0 {
				p.line("app.none")
				return
			}
			p.table([]string{"name", "type", "client_id", "self_service", "new_user", "outage", "disabled"}, rows)
		})
	})
}

// appShow is `countersign app show`: it prints one application. With --secret it also prints the secret key and
// writes a row of the administrator log; otherwise it changes nothing.
type appShow struct {
	App    string `arg:"" help:"client_id or name."`
	Secret bool   `help:"Show the secret too; the look is logged."`
}

func (c *appShow) Run(r *run) error {
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		doc := in.appDoc(a, "")
		if !c.Secret {
			return r.show(doc, doc.write)
		}
		secret, err := in.RevealSecret(r.ctx, directory.CommandLine, a.ID)
		if err != nil {
			return err
		}
		open := in.appDoc(a, secret.Reveal())
		return r.show(open, func(p *page) {
			doc.write(p)
			p.raw("\n")
			in.keys(p, open)
		})
	})
}

// appSet is `countersign app set`: it changes the settings that are given as flags, writes a row of the
// administrator log when something differs, and prints the application.
type appSet struct {
	App               string   `arg:"" help:"client_id or name."`
	Name              *string  `help:"New name."`
	Disabled          *bool    `negatable:"" help:"Refuse every sign-in to it."`
	RemoveRedirectURI []string `name:"remove-redirect-uri" sep:"none" placeholder:"URL" help:"Take an address away that people may be sent back to."`
	ClearRedirectURIs bool     `name:"clear-redirect-uris" help:"Take all of them away: any https address the application signs."`
	ClearFrameHosts   bool     `name:"clear-frame-hosts" help:"Take all hosts away: the page the application names."`
	appFlags
}

func (c *appSet) Run(r *run) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	change.Name, change.Disabled = c.Name, c.Disabled
	change.RemoveRedirectURIs, change.ClearRedirectURIs = c.RemoveRedirectURI, c.ClearRedirectURIs
	if c.ClearFrameHosts && change.FrameHosts == nil {
		change.FrameHosts = new([]string)
	}
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		if a, err = in.SetApplication(r.ctx, directory.CommandLine, a.ID, change); err != nil {
			return err
		}
		doc := in.appDoc(a, "")
		return r.show(doc, doc.write)
	})
}

// appDelete is `countersign app delete`: it deletes an application and its secret for good and writes a row of the
// administrator log. Its client_id is never used again.
type appDelete struct {
	App string `arg:"" help:"client_id or name."`
}

func (c *appDelete) Run(r *run) error {
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		if err := in.DeleteApplication(r.ctx, directory.CommandLine, a.ID); err != nil {
			return err
		}
		doc := struct {
			ClientID string `json:"client_id"`
			Deleted  bool   `json:"deleted"`
		}{a.ID, true}
		return r.show(doc, func(p *page) { p.line("app.deleted", "name", cell(a.Name)) })
	})
}
