using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Albums;
using Albums.Contracts;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Platform.Jobs;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;
using Testing;
using Uploads;
using Weddings;

namespace Benchmarks;

/// <summary>
/// What the admin portal costs the server: its list of albums where there are 100,000, which is what a page asks of the module, count of all that fit included;
/// and overviews that stand open.
/// </summary>
internal static class PortalBench
{
    private const int AllAlbums = 100_000;
    private const int Rounds = 50;
    private const double MostMilliseconds = 100;

    internal static async Task<int> RunAsync(string[] args)
    {
        using var cluster = await PostgresCluster.StartAsync();
        var folder = Directory.CreateTempSubdirectory("portal-");
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Mail:Folder", folder.FullName)]).Build();
        var database = await ZipBench.CreateDatabaseAsync(cluster);
        await using var node = await EventsHost.StartAsync(database, services => services
            .AddJobs(configuration, work: false)
            .AddSingleton<IObjectStorage>(new FolderObjectStorage(Path.Combine(folder.FullName, "storage"), TimeProvider.System))
            .AddMail(configuration)
            .AddWebhooks(configuration)
            .AddUploads(configuration, work: false)
            .AddWeddings(configuration)
            .AddAlbums(configuration, work: false));
        await FillAsync(node.Database);
        var albums = node.Services.GetRequiredService<IAlbums>();
        var middle = await node.ScalarAsync<Guid>("select id from albums.album order by requested_at desc offset 49950 limit 1");
        List<(string Name, AlbumSearch Search)> searches =
        [
            ("first page, newest", new AlbumSearch()),
            ("first page, largest", new AlbumSearch(Sort: AlbumSort.Largest)),
            ("page 1,000", new AlbumSearch(After: middle)),
            ("failed ones", new AlbumSearch(Statuses: [AlbumStatus.Failed])),
            ("part of a wedding's name", new AlbumSearch(Text: "wedding-77")),
            ("failed, name and last week", new AlbumSearch("wedding-7", [AlbumStatus.Failed], DateTimeOffset.UtcNow.AddDays(-7))),
        ];
        Console.WriteLine($"{AllAlbums:N0} albums, {Rounds} times each, milliseconds. Limit: {MostMilliseconds:0}.");
        Console.WriteLine($"{"",-32}{"found",10}{"median",10}{"95 %",10}");
        var results = new List<object>();
        var isSlow = false;
        foreach (var (name, search) in searches)
        {
            var times = new List<double>();
            var found = (await albums.SearchAsync(search, CancellationToken.None)).Count;
            for (var i = 0; i < Rounds; i++)
            {
                var watch = Stopwatch.StartNew();
                await albums.SearchAsync(search, CancellationToken.None);
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            times.Sort();
            var (median, high) = (times[Rounds / 2], times[Rounds * 95 / 100]);
            isSlow |= median > MostMilliseconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-32}{found,10:N0}{median,10:0.0}{high,10:0.0}"));
            results.Add(new { name, found, medianMilliseconds = median, highMilliseconds = high });
        }

        var live = await PortalLive.MeasureAsync(node, database, folder.FullName);
        await File.WriteAllTextAsync(
            Path.Combine(EventsBench.Repository(), "artifacts", "bench", "portal.json"), JsonSerializer.Serialize(new { lists = results, live }, new JsonSerializerOptions { WriteIndented = true }));
        folder.Delete(recursive: true);
        return isSlow || live.IsSlow ? 1 : 0;
    }

    // One in twenty failed, a few wait, and each wedding has ten.
    private static async Task FillAsync(NpgsqlDataSource database)
    {
        await using var fill = database.CreateCommand($"""
            insert into albums.album (id, wedding_id, status, requested_at, size_bytes, completed_at)
            select gen_random_uuid(), 'wedding-' || i / 10,
                case when i % 20 = 0 then 'Failed' when i % 1000 = 1 then 'Requested' else 'Completed' end,
                now() - i * interval '5 minutes', (random() * 2e10)::bigint, now() - i * interval '5 minutes'
            from generate_series(1, {AllAlbums}) i;
            analyze albums.album;
            """);
        await fill.ExecuteNonQueryAsync();
    }
}
