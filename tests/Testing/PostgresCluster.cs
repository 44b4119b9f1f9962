using System.Diagnostics;
using Npgsql;

namespace Testing;

/// <summary>A Postgres server of its own, for this process only. It ends and its files go when this process ends, even by SIGKILL.</summary>
public sealed class PostgresCluster : IDisposable
{
    // The shell waits for the end of its standard input, which the kernel closes with this process, however it ends. Postgres refuses to
    // run as root, so it gets a user of its own, and a folder which that user makes, since TMPDIR may be closed to it.
    private const string Script = """
        trap '' INT HUP TERM
        bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
        [ -n "$bin" ] || bin=$(dirname "$(command -v postgres)")
        if [ ! -x "$bin/initdb" ]; then echo 'Postgres is not installed: run `apt-get install postgresql`, or set TEST_POSTGRES.'; exit 1; fi
        as=; [ "$(id -u)" != 0 ] || as='setpriv --reuid=postgres --regid=postgres --init-groups'
        dir=$($as mktemp -d /tmp/postgres-XXXXXX 2>/dev/null || $as mktemp -d /var/tmp/postgres-XXXXXX) || exit 1
        trap '$as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; rm -rf "$dir"' EXIT
        cd "$dir"
        echo postgres | $as tee password >/dev/null
        $as "$bin/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --locale=C --no-sync >initdb.log 2>&1 || { cat initdb.log; exit 1; }
        for attempt in 1 2 3 4 5; do
          port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000)) # below those that the system hands out meanwhile
          if $as "$bin/pg_ctl" -D data -l "$dir/server.log" -o "$* -c port=$port" -w start >/dev/null 2>&1; then break; fi
          [ $attempt -lt 5 ] || { cat server.log; exit 1; }
        done
        echo ready "$(head -n 1 data/postmaster.pid)" "$port"
        cat >/dev/null
        """;

    private readonly Process shell;

    private PostgresCluster(Process shell, int processId, string connectionString)
    {
        this.shell = shell;
        ProcessId = processId;
        ConnectionString = connectionString;
    }

    /// <summary>Database <c>postgres</c> of the cluster, as its superuser.</summary>
    public string ConnectionString { get; }

    /// <summary>The postmaster; every other process of the cluster is its child.</summary>
    public int ProcessId { get; }

    /// <param name="settings">Server settings, as in <c>fsync=off</c>.</param>
    /// <exception cref="InvalidOperationException">It did not start; the message says why, or how to install it.</exception>
    public static async Task<PostgresCluster> StartAsync(params string[] settings)
    {
        string[] all = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", .. settings];
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", .. all.Select(setting => $"-c {setting}")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var shell = Process.Start(start) ?? throw new InvalidOperationException("/bin/sh does not start.");
        var line = await shell.StandardOutput.ReadLineAsync() ?? "";
        if (line.Split(' ') is not ["ready", var processId, var port])
        {
            throw new InvalidOperationException($"No Postgres for the tests. {line}\n{await shell.StandardOutput.ReadToEndAsync()}");
        }

        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = int.Parse(port),
            Username = "postgres",
            Password = "postgres",
            Database = "postgres",
        };
        return new PostgresCluster(shell, int.Parse(processId), connection.ConnectionString);
    }

    public void Dispose()
    {
        shell.StandardInput.Close();
        shell.WaitForExit();
        shell.Dispose();
    }
}
