package command

import (
	"context"
	"errors"

	"countersign/internal/domain/application"
	"countersign/internal/flow/directory"
)

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
		return a, usagef("%d applications have the name %q; use the client_id", len(found), key)
	}
	return a, err
}

type appAdd struct {
	Name          string   `required:"" placeholder:"NAME" help:"Name people see on the prompt and on their phone."`
	Type          string   `enum:"websdk,websdk2,authapi,unix" default:"websdk" placeholder:"websdk|websdk2|authapi|unix" help:"Kind of application: websdk (Web SDK 4), websdk2 (traditional prompt), authapi, unix (login_duo, pam_duo)."`
	SelfService   bool     `help:"Let people manage their devices from its prompt."`
	Normalization string   `enum:"none,simple" default:"simple" placeholder:"none|simple" help:"simple: DOMAIN\\name and name@domain are the user name."`
	RedirectURI   []string `name:"redirect-uri" sep:"none" placeholder:"URL" help:"Exact address people may be sent back to; repeat for more. None: any https address the application signs."`
	FrameHost     []string `name:"frame-host" sep:"none" placeholder:"HOST" help:"Host whose pages may frame the traditional prompt; repeat for more. None: the page the application names."`
	Dateless      string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Let requests signed without a date in, as old clients send them; inherit: as the type says (on for unix)."`
	Outage        string   `enum:",deny,client" default:"" placeholder:"deny|client" help:"When the database is lost for longer: deny everybody (the default), or let the client's own fail mode decide (by 503); for authapi and unix."`
	policyFlags
}

func (c *appAdd) Run(r *run) error {
	policyChange, err := c.change()
	if err != nil {
		return err
	}
	normalization := application.Normalization(c.Normalization)
	return r.office(func(o *office) error {
		a, secret, err := o.AddApplication(r.ctx, directory.CommandLine, application.Type(c.Type), directory.ApplicationChange{
			Name: &c.Name, SelfService: &c.SelfService, Normalization: &normalization,
			AddRedirectURIs: c.RedirectURI, FrameHosts: frameHosts(c.FrameHost, false), Dateless: choice[string](c.Dateless), Outage: choice[string](c.Outage), Policy: policyChange,
		})
		if err != nil {
			return err
		}
		doc := o.appDoc(a, secret.Reveal())
		return r.show(doc, func(p *page) {
			p.line("app.added", "name", cell(a.Name))
			p.fields("client_id", doc.ClientID, "client_secret", doc.ClientSecret, "api_host", doc.APIHost)
			p.line("app.keep_secret")
		})
	})
}

// frameHosts is the list to write, nil for none given.
func frameHosts(list []string, clear bool) *[]string {
	if len(list) == 0 && !clear {
		return nil
	}
	return &list
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
		if c.Secret {
			secret, err := o.RevealSecret(r.ctx, directory.CommandLine, a.ID)
			if err != nil {
				return err
			}
			doc.ClientSecret = secret.Reveal()
			doc.SKey = doc.ClientSecret
		}
		return r.show(doc, doc.write)
	})
}

type appSet struct {
	App               string   `arg:"" help:"client_id or name."`
	Name              *string  `help:"New name."`
	SelfService       *bool    `negatable:"" help:"Let people manage their devices from its prompt."`
	Disabled          *bool    `negatable:"" help:"Refuse every sign-in to it."`
	Normalization     string   `enum:",none,simple" default:"" placeholder:"none|simple" help:"How names are read."`
	RedirectURI       []string `name:"redirect-uri" sep:"none" placeholder:"URL" help:"Add an exact address people may be sent back to."`
	RemoveRedirectURI []string `name:"remove-redirect-uri" sep:"none" placeholder:"URL" help:"Take one away."`
	ClearRedirectURIs bool     `name:"clear-redirect-uris" help:"Take all away: any https address the application signs."`
	FrameHost         []string `name:"frame-host" sep:"none" placeholder:"HOST" help:"Hosts whose pages may frame the traditional prompt; takes the place of the list."`
	ClearFrameHosts   bool     `name:"clear-frame-hosts" help:"Take all away: the page the application names."`
	Dateless          string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Let requests signed without a date in, as old clients send them; inherit: as the type says (on for unix)."`
	Outage            string   `enum:",deny,client" default:"" placeholder:"deny|client" help:"When the database is lost for longer: deny everybody (the default), or let the client's own fail mode decide (by 503); for authapi and unix."`
	policyFlags
}

func (c *appSet) Run(r *run) error {
	policyChange, err := c.change()
	if err != nil {
		return err
	}
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		a, err = o.SetApplication(r.ctx, directory.CommandLine, a.ID, directory.ApplicationChange{
			Name: c.Name, SelfService: c.SelfService, Disabled: c.Disabled,
			Normalization:   choice[application.Normalization](c.Normalization),
			AddRedirectURIs: c.RedirectURI, RemoveRedirectURIs: c.RemoveRedirectURI, ClearRedirectURIs: c.ClearRedirectURIs,
			FrameHosts: frameHosts(c.FrameHost, c.ClearFrameHosts), Dateless: choice[string](c.Dateless), Outage: choice[string](c.Outage), Policy: policyChange,
		})
		if err != nil {
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
			p.fields("client_id", doc.ClientID, "client_secret", doc.ClientSecret, "api_host", doc.APIHost)
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
