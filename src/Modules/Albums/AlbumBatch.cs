using Albums.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform;
using Platform.Events;
using Platform.Jobs;
using Platform.Storage;

namespace Albums;

/// <summary>
/// Albums from the command line: one is packed to its end in this process, so that AWS Batch, a Kubernetes Job or a person can run it. A
/// process that was stopped or lost is run again and goes on where it stopped.
/// </summary>
/// <remarks>
/// Processes keep apart by a lock of their database session, which ends with them, however they end. It only spares work: what keeps two
/// of them, or one and a worker, from harm is the stream's version.
/// </remarks>
internal sealed class AlbumBatch(
    EventStore store, NpgsqlDataSource database, IServiceScopeFactory scopes, AlbumOptions options, TimeProvider clock, ILogger<AlbumBatch> log)
{
    internal const string Usage = """
        Usage: Host albums COMMAND [--Setting:Name=value …]

          zip ID       packs one album to its end
          zip next     packs the album that waits longest, where Albums__Run=Batch leaves them to such processes
          waiting      prints how many albums wait or are being packed

        Exit codes of zip: 0 it is complete, or none waits; 1 it cannot be completed; 75 run the same again later: the storage or the
        database was away, another process works on it, or this one was told to stop.
        """;

    private const int Done = 0;
    private const int Failed = 1;
    private const int TryLater = 75; // sysexits.h: EX_TEMPFAIL

    // deploy/kubernetes counts by the same condition.
    private const string Waiting = "albums.album where status in ('Requested', 'Planning', 'Zipping')";

    // This process is there for the one album, and makes room for no other.
    private readonly JobTurns alone = new(_ => Task.FromResult(false), TimeSpan.Zero, clock);

    /// <exception cref="StartupException">There is no such command.</exception>
    internal async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken stopped)
    {
        try
        {
            return arguments switch
            {
                ["zip", "next"] => await ZipNextAsync(stopped),
                ["zip", var id] => Guid.TryParse(id, out var albumId)
                    ? await ZipAsync(albumId, stopped) ?? Say(TryLater, $"Another process works on album {id}.")
                    : Say(Failed, $"There is no album {id}."),
                ["waiting"] => await CountWaitingAsync(stopped),
                _ => throw new StartupException("There is no such command: albums --help lists them."),
            };
        }
        catch (Exception e) when (stopped.IsCancellationRequested || e is StorageException or NpgsqlException { IsTransient: true })
        {
            return Say(TryLater, e switch
            {
                _ when stopped.IsCancellationRequested => "Told to stop. What is safe is kept: run the same again.",
                StorageException => $"The storage failed, run the same again later: {e.Message}",
                _ => $"The database failed, run the same again later: {e.Message}",
            });
        }
    }

    // Whoever was tried last comes last: an album that always fails holds up no other.
    private async Task<int> ZipNextAsync(CancellationToken stopped)
    {
        if (options.Run is not AlbumRun.Batch)
        {
            throw new StartupException("Albums__Run is Workers, so they take the albums that wait; `albums zip next` needs Albums__Run=Batch.");
        }

        var waiting = new List<Guid>();
        await using (var query = database.CreateCommand($"select id from {Waiting} order by coalesce(attempted_at, requested_at)"))
        await using (var rows = await query.ExecuteReaderAsync(stopped))
        {
            while (await rows.ReadAsync(stopped))
            {
                waiting.Add(rows.GetGuid(0));
            }
        }

        foreach (var albumId in waiting)
        {
            if (await ZipAsync(albumId, stopped) is { } exitCode)
            {
                return exitCode;
            }
        }

        return Say(Done, "No album waits.");
    }

    /// <returns>The exit code; <see langword="null"/> where another such process has the album.</returns>
    private async Task<int?> ZipAsync(Guid albumId, CancellationToken stopped)
    {
        await using var hold = await database.OpenConnectionAsync(stopped);
        await using var takeLock = new NpgsqlCommand("select pg_try_advisory_lock(hashtextextended('album ' || $1, 0))", hold);
        takeLock.Parameters.Add(new() { Value = albumId.ToString() });
        if (await takeLock.ExecuteScalarAsync(stopped) is false)
        {
            return null;
        }

        await PackAsync(new ZipAlbum(albumId), stopped);
        var album = (await store.FoldAsync<Album, IAlbumEvent>(albumId, CancellationToken.None)).State;
        return album.Status switch
        {
            AlbumStatus.Completed => Say(Done, $"Album {albumId} is complete: {album.Completed!.Key}, {album.Completed.SizeBytes} bytes."),
            AlbumStatus.Unknown => Say(Failed, $"There is no album {albumId}."),
            AlbumStatus.Failed => Say(Failed, $"Album {albumId} failed with {album.Failure!.Reason}. Once that is repaired, replay it."),
            _ when album.IsWaitingForWork => Say(TryLater, $"Another process took album {albumId} over."),
            var ended => Say(Failed, $"Album {albumId} is {ended.ToString().ToLowerInvariant()}."),
        };
    }

    // An outage passes. Anything else would end the next attempt as well: it is on record for whoever may replay it.
    private async Task PackAsync(ZipAlbum command, CancellationToken stopped)
    {
        await using var scope = scopes.CreateAsyncScope();
        var job = ActivatorUtilities.CreateInstance<ZipAlbumHandler>(scope.ServiceProvider, alone);
        try
        {
            await job.RunAsync(command, stopped);
        }
        catch (Exception error) when (error is not (StorageException or NpgsqlException) && !stopped.IsCancellationRequested)
        {
            log.BatchFailed(error, command.AlbumId);
            await job.GaveUpAsync(command, error, CancellationToken.None);
        }
    }

    private async Task<int> CountWaitingAsync(CancellationToken stopped)
    {
        await using var query = database.CreateCommand($"select count(*) from {Waiting}");
        await Console.Out.WriteLineAsync($"{await query.ExecuteScalarAsync(stopped)}");
        return Done;
    }

    private static int Say(int exitCode, string sentence)
    {
        (exitCode == Done ? Console.Out : Console.Error).WriteLine(sentence);
        return exitCode;
    }
}
