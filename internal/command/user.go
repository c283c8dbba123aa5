package command

import (
	"time"

	"countersign/internal/domain/phone"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
)

// userDoc is a user in a JSON document. Phones and bypass codes are listed by `user show` only.
type userDoc struct {
	ID        string      `json:"user_id"`
	Username  string      `json:"username"` // normalized
	RealName  string      `json:"realname"`
	Email     string      `json:"email"`
	Status    string      `json:"status"` // active, bypass, disabled, locked out or pending deletion
	Notes     string      `json:"notes"`
	Enrolled  *string     `json:"first_enrolled"` // RFC 3339, as all times here; null: never
	Created   *string     `json:"created"`
	LastLogin *string     `json:"last_login"`
	UnlocksAt *string     `json:"unlocks_at,omitempty"` // null: not locked out, or not by itself
	Phones    []phoneDoc  `json:"phones,omitempty"`
	Codes     []bypassDoc `json:"bypass_codes,omitempty"`

	row user.User
}

// phoneDoc is a phone of a user in a JSON document.
type phoneDoc struct {
	ID        string  `json:"phone_id"`
	Name      string  `json:"name"`
	Platform  string  `json:"platform"`
	Model     string  `json:"model"`
	Activated bool    `json:"activated"` // its app is paired
	Alerts    string  `json:"alerts"`    // on, off or dead
	LastSeen  *string `json:"last_seen"` // last contact of the app
	LastUsed  *string `json:"last_used"` // last proof

	Codes      string  `json:"codes"`                     // on, half_way (half of a limit on wrong ones is used up) or off; "": it makes none
	CodesOff   *string `json:"codes_off_since,omitempty"` // null: they are not off
	WrongInRow int     `json:"wrong_codes_in_a_row"`
	ChanceUsed int     `json:"chance_used_percent"` // of the chance of guessing one that is allowed in a year
}

// codesOf says whether the codes of a phone are taken.
func codesOf(p phone.Phone) string {
	switch {
	case p.CodesOff():
		return "off"
	case !p.MakesCodes():
		return ""
	case p.Guesses.HalfWay():
		return "half_way"
	}
	return "on"
}

// bypassDoc is a bypass code in a JSON document. Code is set only in the answer to the command that makes it.
type bypassDoc struct {
	ID       string  `json:"bypass_code_id"`
	Code     string  `json:"code,omitempty"`
	Username string  `json:"username,omitempty"`
	Uses     int     `json:"uses"` // 0: no limit
	Expires  *string `json:"expires"`
	Creator  string  `json:"creator,omitempty"`
}

// userDocOf makes the document of a user, without phones and codes.
func userDocOf(u user.User) userDoc {
	return userDoc{
		ID: u.ID, Username: u.Username, RealName: u.RealName, Email: u.Email, Status: string(u.Status), Notes: u.Notes,
		Enrolled: stamp(u.FirstEnrolled), Created: stamp(u.Created), LastLogin: stamp(u.LastLogin), row: u,
	}
}

// write prints the user as text, without phones and codes.
func (d userDoc) write(p *page) {
	p.fields("username", d.Username, "user_id", d.ID, "realname", d.RealName, "email", d.Email, "status", d.Status,
		"notes", d.Notes, "created", d.row.Created, "first_enrolled", d.row.FirstEnrolled, "last_login", d.row.LastLogin)
}

// userAdd is `countersign user add`: it creates a user under the normalized name and writes a row of the
// administrator log. The error is user.ErrNameTaken when the name or an alias exists, in the trash too.
type userAdd struct {
	Name     string `arg:"" help:"User name, as the applications know it."`
	Email    string `help:"Mail address." placeholder:"ADDRESS"`
	Realname string `help:"Full name." placeholder:"NAME"`
	Status   string `enum:"active,bypass,disabled" default:"active" placeholder:"active|bypass|disabled" help:"Status to begin with."`
}

func (c *userAdd) Run(r *run) error {
	status := user.Status(c.Status)
	return r.open(func(in *instance) error {
		u, err := in.AddUser(r.ctx, directory.CommandLine, c.Name, directory.UserChange{
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

// userList is `countersign user list`: it lists users by name. It changes nothing.
//
// The store returns users in pages of pageSize; the command reads as many pages as it needs.
type userList struct {
	Search string `help:"Part of the name, full name or mail address." placeholder:"TEXT"`
	Status string `enum:",active,bypass,disabled,locked-out,pending-deletion" default:"" placeholder:"STATUS" help:"Only users of this status: active, bypass, disabled, locked-out, pending-deletion."`
	Limit  int    `default:"0" help:"At most so many; 0 lists all."`
}

// statusOf turns the spelling of a status on the command line into the status.
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
	return r.open(func(in *instance) error {
		docs := []userDoc{}
		q := user.Query{Search: c.Search, Status: statusOf(c.Status), Limit: pageSize}
		for {
			users, err := in.Users(r.ctx, q)
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

// userShow is `countersign user show`: it prints a user with phones and valid bypass codes. The codes themselves are
// not shown. It changes nothing.
type userShow struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userShow) Run(r *run) error {
	return r.open(func(in *instance) error {
		d, err := in.User(r.ctx, c.Name)
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
				Codes: codesOf(ph), CodesOff: stamp(ph.Guesses.Off), WrongInRow: ph.Guesses.InARow,
				ChanceUsed: ph.Guesses.Percent(),
			})
			codes := codesOf(ph)
			if codes != "" {
				codes = label("codes." + codes)
			}
			phones = append(phones, []any{ph.Name, ph.Platform, ph.Connected(), ph.Alerts, codes, ph.LastSeen})
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
				p.table([]string{"device", "platform", "activated", "alerts", "codes", "last_seen"}, phones)
			}
			if codes != nil {
				p.raw("\n")
				p.table([]string{"bypass_code", "uses", "expires", "creator"}, codes)
			}
		})
	})
}

// userSet is `countersign user set`: it changes the fields that are given as flags and writes a row of the
// administrator log when something differs. A change from active to another status ends the sessions, open requests
// and pairing codes of the user, and remembered browsers are forgotten. The name of a user never changes.
type userSet struct {
	Name     string  `arg:"" help:"User name or ID."`
	Email    *string `help:"Mail address; empty for none." placeholder:"ADDRESS"`
	Realname *string `help:"Full name." placeholder:"NAME"`
	Status   string  `enum:",active,bypass,disabled,pending-deletion" default:"" placeholder:"STATUS" help:"active, bypass, disabled or pending-deletion."`
	Notes    *string `help:"Notes for other administrators." placeholder:"TEXT"`
}

func (c *userSet) Run(r *run) error {
	return r.open(func(in *instance) error {
		change := directory.UserChange{Email: c.Email, RealName: c.Realname, Notes: c.Notes}
		if c.Status != "" {
			status := statusOf(c.Status)
			change.Status = &status
		}
		u, err := in.SetUser(r.ctx, directory.CommandLine, c.Name, change)
		if err != nil {
			return err
		}
		doc := userDocOf(u)
		return r.show(doc, doc.write)
	})
}

// userDelete is `countersign user delete`: it moves a user to the trash and writes a row of the administrator log.
// The user cannot sign in any more; links and codes end, and the name stays taken.
type userDelete struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userDelete) Run(r *run) error {
	return r.open(func(in *instance) error {
		u, err := in.DeleteUser(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) { p.line("user.deleted", "name", cell(u.Username)) })
	})
}

// userUnlock is `countersign user unlock`: a user who is locked out may try again. It writes a row of the
// administrator log. For a user who is not locked out the error is directory.ErrNotLocked.
type userUnlock struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userUnlock) Run(r *run) error {
	return r.open(func(in *instance) error {
		u, err := in.Unlock(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) { p.line("user.unlocked", "name", cell(u.Username)) })
	})
}

// userSignOut is `countersign user sign-out`: all that a user has opened ends, on every device and browser. It writes a row of
// the administrator log.
type userSignOut struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userSignOut) Run(r *run) error {
	return r.open(func(in *instance) error {
		u, err := in.SignOut(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		return r.show(userDocOf(u), func(p *page) { p.line("user.signed_out", "name", cell(u.Username)) })
	})
}

// userEnroll is `countersign user enroll`: it makes the link by which a user sets up a first device, writes a row of
// the administrator log and prints the link. It also queues the link as mail when the user has an address. A user who
// has a device already gets directory.ErrEnrolled.
type userEnroll struct {
	Name string `arg:"" help:"User name or ID."`
}

func (c *userEnroll) Run(r *run) error {
	return r.open(func(in *instance) error {
		inv, err := in.Invite(r.ctx, directory.CommandLine, c.Name)
		if err != nil {
			return err
		}
		doc := struct {
			Username string  `json:"username"`
			Link     string  `json:"link"`
			Expires  *string `json:"expires"`
			Mail     string  `json:"mail"`
		}{inv.User.Username, inv.Link.Reveal(), stamp(inv.Expires), in.mailOf(inv)}
		return r.show(doc, func(p *page) {
			p.fields("link", doc.Link, "expires", expiresText(inv.Expires))
			p.line("user.invited_"+doc.Mail, "name", cell(inv.User.Username), "email", cell(inv.User.Email))
		})
	})
}

// What happens to the mail with an enrollment link.
const (
	mailQueued  = "queued"  // a running server sends it within a minute
	mailWaiting = "waiting" // it is queued, but no mail server is set
	mailNone    = "none"    // the user has no address
)

// mailOf says what happens to the mail of an invitation.
func (in *instance) mailOf(inv directory.Invitation) string {
	switch {
	case !inv.Mailed:
		return mailNone
	case in.mailServer == "":
		return mailWaiting
	}
	return mailQueued
}

// expiresText prints when something expires; the zero time is never.
func expiresText(t time.Time) string {
	if t.IsZero() {
		return label("never")
	}
	return cell(t)
}
