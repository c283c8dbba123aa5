package command

import "countersign/internal/flow/directory"

// userForgetBrowsers is `countersign user forget-browsers`: every remembered browser of a person asks for a second
// factor again. It writes a row of the administrator log.
type userForgetBrowsers struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userForgetBrowsers) Run(r *run) error {
	return r.open(func(in *instance) error {
		u, n, err := in.ForgetUserBrowsers(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.forgotten("user.browsers_forgotten", u.Username, n)
	})
}

// appForgetBrowsers is `countersign app forget-browsers`: every browser that is remembered for an application asks
// for a second factor again. It writes a row of the administrator log.
type appForgetBrowsers struct {
	App string `arg:"" help:"client_id or name."`
}

func (c *appForgetBrowsers) Run(r *run) error {
	return r.open(func(in *instance) error {
		a, err := in.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		a, n, err := in.ForgetApplicationBrowsers(r.ctx, directory.CommandLine, a.ID)
		if err != nil {
			return err
		}
		return r.forgotten("app.browsers_forgotten", a.Name, n)
	})
}

// forgotten prints whose browsers were forgotten, and how many.
func (r *run) forgotten(line, name string, n int64) error {
	doc := struct {
		Name      string `json:"name"`
		Forgotten int64  `json:"forgotten"`
	}{name, n}
	return r.show(doc, func(p *page) { p.line(line, "name", cell(name), "n", n) })
}
