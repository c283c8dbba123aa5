package command

import (
	"time"

	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
)

// userDoc is a user in a JSON document.
type userDoc struct {
	ID        string      `json:"user_id"`
	Username  string      `json:"username"`
	RealName  string      `json:"realname"`
	Email     string      `json:"email"`
	Status    string      `json:"status"`
	Notes     string      `json:"notes"`
	Enrolled  *string     `json:"first_enrolled"`
	Created   *string     `json:"created"`
	LastLogin *string     `json:"last_login"`
	UnlocksAt *string     `json:"unlocks_at,omitempty"`
	Phones    []phoneDoc  `json:"phones,omitempty"`
	Codes     []bypassDoc `json:"bypass_codes,omitempty"`

	row user.User
}

type phoneDoc struct {
	ID        string  `json:"phone_id"`
	Name      string  `json:"name"`
	Platform  string  `json:"platform"`
	Model     string  `json:"model"`
	Activated bool    `json:"activated"`
	Alerts    string  `json:"alerts"`
	LastSeen  *string `json:"last_seen"`
	LastUsed  *string `json:"last_used"`
}

type bypassDoc struct {
	ID       string  `json:"bypass_code_id"`
	Code     string  `json:"code,omitempty"`
	Username string  `json:"username,omitempty"`
	Uses     int     `json:"uses"` // 0 = no limit
	Expires  *string `json:"expires"`
	Creator  string  `json:"creator,omitempty"`
}

func userDocOf(u user.User) userDoc {
	return userDoc{
		ID: u.ID, Username: u.Username, RealName: u.RealName, Email: u.Email, Status: string(u.Status), Notes: u.Notes,
		Enrolled: stamp(u.FirstEnrolled), Created: stamp(u.Created), LastLogin: stamp(u.LastLogin), row: u,
	}
}

func (d userDoc) write(p *page) {
	p.fields("username", d.Username, "user_id", d.ID, "realname", d.RealName, "email", d.Email, "status", d.Status,
		"notes", d.Notes, "created", d.row.Created, "first_enrolled", d.row.FirstEnrolled, "last_login", d.row.LastLogin)
}

type userAdd struct {
	Name     string `arg:"" help:"User name, as the applications know it."`
	Email    string `help:"Mail address." placeholder:"ADDRESS"`
	Realname string `help:"Full name." placeholder:"NAME"`
	Status   string `enum:"active,bypass,disabled" default:"active" placeholder:"active|bypass|disabled" help:"Status to begin with."`
}

func (c *userAdd) Run(r *run) error {
	status := user.Status(c.Status)
	return r.office(func(o *office) error {
		u, err := o.AddUser(r.ctx, directory.CommandLine, c.Name, directory.UserChange{
			Email: &c.Email, RealName: &c.Realname, Status: &status,
		})
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) {
			p.line("user.added", "name", cell(u.Username))
			p.line("user.added_next", "name", cell(u.Username))
		})
	})
}

type userList struct {
	Search string `help:"Part of the name, full name or mail address." placeholder:"TEXT"`
	Status string `enum:",active,bypass,disabled,locked-out,pending-deletion" default:"" placeholder:"STATUS" help:"Only users of this status: active, bypass, disabled, locked-out, pending-deletion."`
	Limit  int    `default:"0" help:"At most so many; 0 lists all."`
}

// statusOf turns a flag's spelling into a status.
func statusOf(flag string) user.Status {
	switch flag {
	case "locked-out":
		return user.LockedOut
	case "pending-deletion":
		return user.PendingDeletion
	}
	return user.Status(flag)
}

func (c *userList) Run(r *run) error {
	const pageSize = 500
	if c.Limit < 0 {
		return usagef("--limit is 0 or more")
	}
	return r.office(func(o *office) error {
		docs := []userDoc{}
		q := user.Query{Search: c.Search, Status: statusOf(c.Status), Limit: pageSize}
		for {
			users, err := o.Users(r.ctx, q)
			if err != nil {
				return err
			}
			for _, u := range users {
				docs = append(docs, userDocOf(u))
			}
			if c.Limit > 0 && len(docs) >= c.Limit {
				docs = docs[:c.Limit]
				break
			}
			if len(users) < pageSize {
				break
			}
			q.After = users[len(users)-1].Username
		}
		return r.show(docs, func(p *page) {
			if len(docs) == 0 {
				p.line("user.none")
				return
			}
			rows := make([][]any, len(docs))
			for i, d := range docs {
				rows[i] = []any{d.Username, d.RealName, d.Email, d.Status, d.row.LastLogin}
			}
			p.table([]string{"username", "realname", "email", "status", "last_login"}, rows)
		})
	})
}

type userShow struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userShow) Run(r *run) error {
	return r.office(func(o *office) error {
		d, err := o.User(r.ctx, c.Name)
		if err != nil {
			return err
		}
		doc := userDocOf(d.User)
		doc.UnlocksAt = stamp(d.UnlocksAt)
		var phones, codes [][]any
		for _, ph := range d.Phones {
			doc.Phones = append(doc.Phones, phoneDoc{
				ID: ph.ID, Name: ph.Name, Platform: ph.Platform, Model: ph.Model, Activated: ph.Connected(),
				Alerts: string(ph.Alerts), LastSeen: stamp(ph.LastSeen), LastUsed: stamp(ph.LastUsed),
			})
			phones = append(phones, []any{ph.Name, ph.Platform, ph.Connected(), ph.Alerts, ph.LastSeen})
		}
		for _, code := range d.BypassCodes {
			uses := max(code.UsesLeft, 0)
			doc.Codes = append(doc.Codes, bypassDoc{ID: code.ID, Uses: uses, Expires: stamp(code.Expires), Creator: code.Creator})
			codes = append(codes, []any{code.ID, usesText(uses), expiresText(code.Expires), code.Creator})
		}
		return r.show(doc, func(p *page) {
			doc.write(p)
			p.fields("unlocks_at", d.UnlocksAt)
			if phones != nil {
				p.raw("\n")
				p.table([]string{"device", "platform", "activated", "alerts", "last_seen"}, phones)
			}
			if codes != nil {
				p.raw("\n")
				p.table([]string{"bypass_code", "uses", "expires", "creator"}, codes)
			}
		})
	})
}

type userSet struct {
	Name     string  `arg:"" help:"User name or ID."`
	Email    *string `help:"Mail address; empty for none." placeholder:"ADDRESS"`
	Realname *string `help:"Full name." placeholder:"NAME"`
	Status   string  `enum:",active,bypass,disabled,pending-deletion" default:"" placeholder:"STATUS" help:"active, bypass, disabled or pending-deletion."`
	Notes    *string `help:"Notes for other administrators." placeholder:"TEXT"`
}

func (c *userSet) Run(r *run) error {
	return r.office(func(o *office) error {
		change := directory.UserChange{Email: c.Email, RealName: c.Realname, Notes: c.Notes}
		if c.Status != "" {
			status := statusOf(c.Status)
			change.Status = &status
		}
		u, err := o.SetUser(r.ctx, directory.CommandLine, c.Name, change)
		if err != nil {
			return err
		}
		doc := userDocOf(u)
		return r.show(doc, doc.write)
	})
}

type userDelete struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userDelete) Run(r *run) error {
	return r.office(func(o *office) error {
		u, err := o.DeleteUser(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) { p.line("user.deleted", "name", cell(u.Username)) })
	})
}

type userUnlock struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userUnlock) Run(r *run) error {
	return r.office(func(o *office) error {
		u, err := o.Unlock(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) { p.line("user.unlocked", "name", cell(u.Username)) })
	})
}

type userEnroll struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userEnroll) Run(r *run) error {
	return r.office(func(o *office) error {
		inv, err := o.Invite(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		doc := struct {
			Username string  `json:"username"`
			Link     string  `json:"link"`
			Expires  *string `json:"expires"`
			Mail     string  `json:"mail"`
		}{inv.User.Username, inv.Link.Reveal(), stamp(inv.Expires), o.mailOf(inv)}
		return r.show(doc, func(p *page) {
			p.fields("link", doc.Link, "expires", expiresText(inv.Expires))
			p.line("user.invited_"+doc.Mail, "name", cell(inv.User.Username), "email", cell(inv.User.Email))
		})
	})
}

// What becomes of the mail with an invitation's link.
const (
	mailQueued  = "queued"  // a server sends it within a minute
	mailWaiting = "waiting" // it is queued, but no mail server is set
	mailNone    = "none"    // the user has no address
)

func (o *office) mailOf(inv directory.Invitation) string {
	switch {
	case !inv.Mailed:
		return mailNone
	case o.mailServer == "":
		return mailWaiting
	}
	return mailQueued
}

func expiresText(t time.Time) string {
	if t.IsZero() {
		return label("never")
	}
	return cell(t)
}
