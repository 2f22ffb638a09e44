package embedded

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linhui/internal/fault"
)

// helperDir makes the test binary a program that keeps a server in that directory until it is killed.
const helperDir = "LINHUI_EMBEDDED_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	os.Exit(m.Run())
}

func helper(dir string) int {
	p, err := StartPostgres(context.Background(), PostgresOptions{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println(p.PID())
	<-p.Done()
	return 2
}

// startHelper runs a second process that tries to keep a server in dir; line is what it says.
func startHelper(t *testing.T, dir string) (cmd *exec.Cmd, line string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("helper: %v", err)
	}
	return cmd, strings.TrimSpace(line)
}

// stateDir is a directory that the server's account can reach, as t.TempDir is not for root.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "linhui-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "pg")
}

func mustStart(t *testing.T, o PostgresOptions) *Postgres {
	t.Helper()
	start := time.Now()
	p, err := StartPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(start).Round(time.Millisecond))
	t.Cleanup(func() { mustStop(t, p) })
	return p
}

func mustStop(t *testing.T, p *Postgres) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var answer sql.NullString
	if err := db.QueryRowContext(t.Context(), statement).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return answer.String
}

func exec1(t *testing.T, dsn, statement string) {
	t.Helper()
	query(t, dsn, "WITH x AS ("+statement+" RETURNING 1) SELECT count(*) FROM x")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestServerKeepsItsDataBetweenStarts(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	p := mustStart(t, PostgresOptions{Dir: dir})
	for range 2 {
		if err := p.CreateDatabase(t.Context(), "Street 1"); err != nil {
			t.Fatal(err)
		}
	}
	dsn := p.DSN("Street 1", AppUser)
	if got := query(t, dsn, "SELECT current_user || ' ' || current_setting('is_superuser') || ' ' || current_setting('fsync') || ' ' || current_setting('server_encoding')"); got != "linhui off on UTF8" {
		t.Errorf("session is %q", got)
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE notes (text text)"); err != nil {
		t.Fatal(err)
	}
	exec1(t, dsn, "INSERT INTO notes VALUES ('邻汇')")
	mustStop(t, p)
	mustStop(t, p) // twice is once

	p = mustStart(t, PostgresOptions{Dir: dir, Settings: map[string]string{"work_mem": "7MB"}})
	dsn = p.DSN("Street 1", AppUser)
	if got := query(t, dsn, "SELECT text || ' ' || current_setting('work_mem') FROM notes"); got != "邻汇 7MB" {
		t.Errorf("after the restart: %q", got)
	}
	if got := query(t, p.Admin(), "SELECT current_setting('is_superuser')"); got != "on" {
		t.Errorf("administrator is superuser: %q", got)
	}
}

func TestSecondServerInOneDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	mustStart(t, PostgresOptions{Dir: dir})
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("in one process: %v", err)
	}
	_, line := startHelper(t, dir)
	if want := "in use by process " + strconv.Itoa(os.Getpid()); !strings.Contains(line, want) {
		t.Errorf("another process says %q, want %q in it", line, want)
	}
}

func TestServerEndsWithItsKilledParent(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	cmd, line := startHelper(t, dir)
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatalf("helper says %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// Without a pause: the next start waits for the orphan by itself.
	p := mustStart(t, PostgresOptions{Dir: dir})
	if pid != p.PID() {
		eventually(t, "server of the killed parent gone", func() bool { return !alive(pid) })
	}
}

func TestKilledServerStartsAgainBesideAForeignProcessOfItsOldID(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	p := mustStart(t, PostgresOptions{Dir: dir})
	stale, err := os.ReadFile(filepath.Join(p.home.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()

	// A living process of the server's account now has the process id that the file names.
	acc, err := serverAccount(p.home.data())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = acc.attr()
	other, err := StartChild(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Signal(syscall.SIGKILL); <-other.Done() })
	_, rest, _ := strings.Cut(string(stale), "\n")
	if err := os.WriteFile(filepath.Join(p.home.data(), "postmaster.pid"), []byte(strconv.Itoa(other.PID())+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	mustStart(t, PostgresOptions{Dir: dir, Port: p.Port()})
}

func TestServerStartedByHandIsNotJoinedByASecond(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := mustStart(t, PostgresOptions{Dir: dir})
	mustStop(t, first)
	acc, err := serverAccount(first.home.data())
	if err != nil {
		t.Fatal(err)
	}
	bin, err := findBinaries(t.Context(), first.home.data(), postgresGlobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin.postgres, "-D", first.home.data(), "-p", strconv.Itoa(first.Port()), "-c", "listen_addresses=127.0.0.1", "-k", ".")
	cmd.SysProcAttr = acc.attr()
	byHand, err := StartChild(cmd, syscall.SIGINT)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { byHand.Signal(syscall.SIGINT); <-byHand.Done() })
	eventually(t, "server by hand is up", func() bool {
		db, err := sql.Open("postgres", first.Admin())
		if err != nil {
			return false
		}
		defer db.Close()
		return db.PingContext(t.Context()) == nil
	})
	p, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	if err == nil {
		mustStop(t, p)
		t.Fatal("two servers on one data directory")
	}
	if !strings.Contains(err.Error(), "still in use") {
		t.Errorf("the error does not say why: %v", err)
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	first := mustStart(t, PostgresOptions{Dir: stateDir(t)})
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: stateDir(t), Port: first.Port()})
	if want := fmt.Sprintf("port %d is in use", first.Port()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: stateDir(t), Settings: map[string]string{"no_such_parameter": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_parameter") {
		t.Errorf("got %v", err)
	}
}

func TestCancelledStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if p, err := StartPostgres(ctx, PostgresOptions{Dir: dir}); err == nil {
		mustStop(t, p)
	}
	mustStart(t, PostgresOptions{Dir: dir})
}
