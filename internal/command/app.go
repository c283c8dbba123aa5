package command

import (
	"context"
	"errors"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/flow/directory"
)

// errNames reports a name that several applications have; arguments "n", "name".
var errNames = errs.New(errs.Conflict, "command.app_names")

// appDoc is an application in a JSON document.
type appDoc struct {
	Name         string    `json:"name"`
	Type         string    `json:"type"`
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret,omitempty"`
	IKey         string    `json:"ikey"` // client_id and client_secret under the names of the signed APIs
	SKey         string    `json:"skey,omitempty"`
	APIHost      string    `json:"api_host"`
	SelfService  bool      `json:"self_service"`
	Names        string    `json:"username_normalization"`
	RedirectURIs []string  `json:"redirect_uris"`
	FrameHosts   []string  `json:"frame_hosts"` // empty: the page the client names
	Dateless     bool      `json:"dateless"`    // requests signed without a date are let in
	Outage       string    `json:"outage"`      // deny or client: who decides while the database is lost
	Disabled     bool      `json:"disabled"`
	Policy       policyDoc `json:"policy"`
	Created      *string   `json:"created"`

	row application.Application
}

func (o *office) appDoc(a application.Application, secret string) appDoc {
	uris := a.RedirectURIs
	if uris == nil {
		uris = []string{}
	}
	hosts := a.Options.Hosts
	if hosts == nil {
		hosts = []string{}
	}
	return appDoc{
		Name: a.Name, Type: string(a.Type), ClientID: a.ID, ClientSecret: secret, IKey: a.ID, SKey: secret, APIHost: o.apiHost,
		SelfService: a.SelfService, Names: string(a.Normalization), RedirectURIs: uris, FrameHosts: hosts, Dateless: a.TakesDateless(), Outage: outageWord(a), Disabled: a.Disabled,
		Policy: policyOf(a.Policy), Created: stamp(a.Created), row: a,
	}
}

func (d appDoc) write(p *page) {
	p.fields(append([]any{
		"name", d.Name, "type", d.Type, "client_id", d.ClientID, "client_secret", d.ClientSecret, "api_host", d.APIHost,
		"self_service", d.SelfService, "names", d.Names, "redirect_uris", d.RedirectURIs, "frame_hosts", d.FrameHosts, "dateless", d.Dateless, "outage", d.Outage, "disabled", d.Disabled,
		"created", d.row.Created}, d.Policy.fields()...)...)
}

func outageWord(a application.Application) string {
	if a.ClientDecides() {
		return application.OutageClient
	}
	return "deny"
}

// findApp takes a client_id or a name that only one application has.
func (o *office) findApp(ctx context.Context, key string) (application.Application, error) {
	a, err := o.Application(ctx, key)
	if !errors.Is(err, application.ErrUnknown) {
		return a, err
	}
	all, listErr := o.Applications(ctx)
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

// appFlags are what an application is added with and may change later.
type appFlags struct {
	SelfService   *bool    `negatable:"" help:"Let people manage their devices from its prompt."`
	Normalization string   `enum:",none,simple" default:"" placeholder:"none|simple" help:"How names are read. simple, as at the start: DOMAIN\\name and name@domain are the user name."`
	RedirectURI   []string `name:"redirect-uri" sep:"none" placeholder:"URL" help:"Exact address people may be sent back to; repeat for more. None: any https address the application signs."`
	FrameHost     []string `name:"frame-host" sep:"none" placeholder:"HOST" help:"Host whose pages may frame the traditional prompt; repeat for all of them. None: the page the application names. For websdk2."`
	Dateless      string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Let requests signed without a date in, as old clients send them; inherit: as the type says (on for unix)."`
	Outage        string   `enum:",deny,client" default:"" placeholder:"deny|client" help:"When the database is lost for longer: deny everybody (the default), or let the client's own fail mode decide (by 503); for authapi and unix."`
	policyFlags
}

// change is what the flags ask for.
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
	return r.office(func(o *office) error {
		a, secret, err := o.AddApplication(r.ctx, directory.CommandLine, application.Type(c.Type), change)
		if err != nil {
			return err
		}
		doc := o.appDoc(a, secret.Reveal())
		return r.show(doc, func(p *page) {
			p.line("app.added", "name", cell(a.Name))
			o.keys(p, doc)
			p.line("app.keep_secret", "id", doc.ClientID)
		})
	})
}

type appList struct{}

func (appList) Run(r *run) error {
	return r.office(func(o *office) error {
		all, err := o.Applications(r.ctx)
		if err != nil {
			return err
		}
		docs := make([]appDoc, 0, len(all))
		rows := make([][]any, 0, len(all))
		for _, a := range all {
			docs = append(docs, o.appDoc(a, ""))
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

type appShow struct {
	App    string `arg:"" help:"client_id or name."`
	Secret bool   `help:"Show the secret too; the look is logged."`
}

func (c *appShow) Run(r *run) error {
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		doc := o.appDoc(a, "")
		if !c.Secret {
			return r.show(doc, doc.write)
		}
		secret, err := o.RevealSecret(r.ctx, directory.CommandLine, a.ID)
		if err != nil {
			return err
		}
		open := o.appDoc(a, secret.Reveal())
		return r.show(open, func(p *page) {
			doc.write(p)
			p.raw("\n")
			o.keys(p, open)
		})
	})
}

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
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		if a, err = o.SetApplication(r.ctx, directory.CommandLine, a.ID, change); err != nil {
			return err
		}
		doc := o.appDoc(a, "")
		return r.show(doc, doc.write)
	})
}

type appResetSecret struct {
	App string `arg:"" help:"client_id or name."`
}

func (c *appResetSecret) Run(r *run) error {
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		secret, err := o.ResetSecret(r.ctx, directory.CommandLine, a.ID)
		if err != nil {
			return err
		}
		doc := o.appDoc(a, secret.Reveal())
		return r.show(doc, func(p *page) {
			p.line("app.secret_reset", "name", cell(a.Name))
			o.keys(p, doc)
		})
	})
}

type appDelete struct {
	App string `arg:"" help:"client_id or name."`
}

func (c *appDelete) Run(r *run) error {
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		if err := o.DeleteApplication(r.ctx, directory.CommandLine, a.ID); err != nil {
			return err
		}
		doc := struct {
			ClientID string `json:"client_id"`
			Deleted  bool   `json:"deleted"`
		}{a.ID, true}
		return r.show(doc, func(p *page) { p.line("app.deleted", "name", cell(a.Name)) })
	})
}
