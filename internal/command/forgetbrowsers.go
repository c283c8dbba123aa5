package command

import "countersign/internal/flow/directory"

type userForgetBrowsers struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userForgetBrowsers) Run(r *run) error {
	return r.office(func(o *office) error {
		u, n, err := o.ForgetUserBrowsers(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.forgotten("user.browsers_forgotten", u.Username, n)
	})
}

type appForgetBrowsers struct {
	App string `arg:"" help:"client_id or name."`
}

func (c *appForgetBrowsers) Run(r *run) error {
	return r.office(func(o *office) error {
		a, err := o.findApp(r.ctx, c.App)
		if err != nil {
			return err
		}
		a, n, err := o.ForgetApplicationBrowsers(r.ctx, directory.CommandLine, a.ID)
		if err != nil {
			return err
		}
		return r.forgotten("app.browsers_forgotten", a.Name, n)
	})
}

// forgotten says whose browsers ask again, and how many there were.
func (r *run) forgotten(line, name string, n int64) error {
	doc := struct {
		Name      string `json:"name"`
		Forgotten int64  `json:"forgotten"`
	}{name, n}
	return r.show(doc, func(p *page) { p.line(line, "name", cell(name), "n", n) })
}
