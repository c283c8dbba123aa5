package audit

// ActorKind says what somebody is who did what the action log records.
type ActorKind string

const (
	KindPerson        ActorKind = "person" // one who looks after their own devices and settings
	KindAdministrator ActorKind = "administrator"
	KindProgram       ActorKind = "program"      // one that calls in the name of an application
	KindCommandLine   ActorKind = "command line" // whoever may run the operator's commands
	KindSystem        ActorKind = "system"       // this program, by itself
)

// Authority is a set of what somebody may do that is not their own.
type Authority uint

const (
	OverPeople   Authority = 1 << iota // people, and their devices, codes, invitations and browsers
	OverSettings                       // applications and their secrets, policies, and the settings of the organization
)

// Actor is who did something, with what they may do. The log keeps who; authority is of the moment.
type Actor struct {
	Kind      ActorKind
	ID        string    // of the account of a person or administrator, or of a program's application; "" = none
	Name      string    // as the log shows it: a user name, or what one of the other kinds is called
	Authority Authority // what an administrator or a program was given; the other kinds have what their kind has
}

// Actors of the program itself and of its operator.
var (
	System      = Actor{Kind: KindSystem, Name: "System"}
	CommandLine = Actor{Kind: KindCommandLine, Name: "command line"}
)

// ByPerson is a person who acts for themselves.
func ByPerson(accountID, name string) Actor {
	return Actor{Kind: KindPerson, ID: accountID, Name: name}
}

// ByProgram is a program that calls in the name of an application, with what the application may do.
func ByProgram(applicationID, name string, may Authority) Actor {
	return Actor{Kind: KindProgram, ID: applicationID, Name: name, Authority: may}
}

// ByAdministrator is one of the console's people, with what their role may do.
func ByAdministrator(accountID, name string, may Authority) Actor {
	return Actor{Kind: KindAdministrator, ID: accountID, Name: name, Authority: may}
}

// May reports whether the actor may do all of what is wanted. A person may act on nobody else's; nor may somebody of no
// kind.
func (a Actor) May(want Authority) bool {
	switch a.Kind {
	case KindSystem, KindCommandLine:
		return true
	case KindAdministrator, KindProgram:
		return a.Authority&want == want
	}
	return false
}
