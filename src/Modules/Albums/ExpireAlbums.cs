using System.Globalization;
using Albums.Contracts;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Npgsql;
using Platform;
using Platform.Events;
using Platform.Jobs;

namespace Albums;

/// <summary>How long a complete album is kept, and when those who have its link hear that it will go.</summary>
/// <param name="Keep">Counted from its completion; <see langword="null"/>: for ever.</param>
/// <param name="Remind">So long before it expires; zero: not at all.</param>
internal sealed record ExpiryOptions(TimeSpan? Keep, TimeSpan Remind, TimeSpan SweepInterval)
{
    private const int MostDays = 3650;

    internal static ExpiryOptions Read(IConfiguration configuration)
    {
        var keep = Days("Albums:KeepDays", 30);
        var remind = Days("Albums:RemindDays", Math.Min(7, keep));
        if (remind > keep)
        {
            throw new StartupException($"Albums__RemindDays is {remind}, but must not be more than Albums__KeepDays, which is {keep}.");
        }

        var setting = configuration["Albums:SweepInterval"] ?? "01:00:00";
        return TimeSpan.TryParse(setting, CultureInfo.InvariantCulture, out var interval) && interval > TimeSpan.Zero
            ? new ExpiryOptions(keep == 0 ? null : TimeSpan.FromDays(keep), TimeSpan.FromDays(remind), interval)
            : throw new StartupException($"Albums__SweepInterval is {setting}, but must be a time such as 01:00:00.");

        int Days(string key, int otherwise) =>
            int.TryParse(configuration[key] ?? $"{otherwise}", NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days <= MostDays
                ? days
                : throw new StartupException($"{key.Replace(":", "__", StringComparison.Ordinal)} is {configuration[key]}, but must be a number of days up to {MostDays}; 0 for never.");
    }
}

/// <summary>
/// Lets complete albums expire: announces it in time, and takes their ZIPs away when the announced time is over. No album expires that was
/// not announced so long before, also where no worker was running or the album is older than the setting.
/// </summary>
internal sealed class ExpireAlbums(
    NpgsqlDataSource database, EventStore store, ExpiryOptions options, TimeProvider clock, ILogger<ExpireAlbums> log)
    : Sweep(options.SweepInterval, clock, log)
{
    private readonly TimeProvider clock = clock;

    internal static IReadOnlyList<IAlbumEvent> Decide(Album album, ExpiryOptions options, DateTimeOffset now)
    {
        if (album is not { Status: AlbumStatus.Completed or AlbumStatus.Failed, Zip: { } zip } || options.Keep is not { } keep)
        {
            return [];
        }

        var expiresAt = album.ExpiresAt ?? (zip.At + keep); // it has no such date if it was complete before there was such a setting
        return options.Remind > TimeSpan.Zero && album.ExpiryAnnounced is null
            ? now + options.Remind >= expiresAt ? [new ExpiryAnnounced(now + options.Remind, now)] : []
            : now >= expiresAt ? [new AlbumExpired(now)] : [];
    }

    protected override async Task<IReadOnlyList<Guid>> DueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (options.Keep is not { } keep)
        {
            return [];
        }

        await using var query = database.CreateCommand(
            """
            select id from albums.album
            where (status = 'Completed' or (status = 'Failed' and completed_at is not null)) and coalesce(expires_at, completed_at + $2, requested_at + $2) <= $1 + case when announced then interval '0' else $3 end
            """);
        query.Parameters.Add(new() { Value = now });
        query.Parameters.Add(new() { Value = keep });
        query.Parameters.Add(new() { Value = options.Remind });
        var due = new List<Guid>();
        await using var rows = await query.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            due.Add(rows.GetGuid(0));
        }

        return due;
    }

    protected override Task HandleAsync(Guid id, CancellationToken cancellationToken) =>
        store.DecideAsync<Album, IAlbumEvent>(id, album => Decide(album, options, clock.GetUtcNow()), cancellationToken);
}
