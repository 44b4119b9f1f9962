using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Albums.Contracts;
using Albums.Sources;
using Platform.Events;

namespace Albums;

/// <summary>The module's border for the portal.</summary>
internal sealed class AlbumsFacade(
    EventStore store, SearchAlbums albums, OverviewAlbums overview, AlbumFiles files, SkipFileHandler skip, BulkActions bulk, UrlSource urls, TimeProvider clock)
    : IAlbums
{
    private const int EventsPerPage = 50;

    // A request of 100,000 files has megabytes.
    private const int MostDetailsChars = 2_000;

    // Faster than anybody reads.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    // A silence tells something too: an estimate of the time left is held for so long only.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // shown as text, never as markup
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public Task<AlbumPage> SearchAsync(AlbumSearch search, CancellationToken cancellationToken) => albums.FindAsync(search, cancellationToken);

    public Task<AlbumsOverview> OverviewAsync(CancellationToken cancellationToken) => overview.GetAsync(cancellationToken);

    public async Task<Guid> RequestSelectionAsync(string weddingId, IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        var command = new RequestAlbum(weddingId, [.. keys.Select(key => new AlbumFile(key, Url: null, Name: null))], Prefix: null, Notify: null);
        var requested = RequestAlbumHandler.Checked(command, urls, clock.GetUtcNow()) with { IsSelection = true };
        var (albumId, _) = await AlbumOrder.PlaceAsync(
            store,
            AlbumOrder.IdOf(weddingId, $"selection\n{string.Join('\n', keys)}"),
            requested,
            stands: present => present.Status is AlbumStatus.Requested or AlbumStatus.Planning or AlbumStatus.Zipping or AlbumStatus.Completed,
            cancellationToken);
        return albumId;
    }

    public async Task<AlbumView?> FindOfWeddingAsync(string weddingId, CancellationToken cancellationToken) =>
        await albums.LatestOfAsync(weddingId, cancellationToken) is { } albumId
            ? AlbumView.Of(albumId, (await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken)).State, clock.GetUtcNow())
            : null;

    public async IAsyncEnumerable<AlbumDetail> WatchAsync(Guid albumId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var (album, version) = await store.FoldAsync<Album, IAlbumEvent>(albumId, cancellationToken);
            var view = AlbumView.Of(albumId, album.OrNotFound(albumId), clock.GetUtcNow());
            yield return new AlbumDetail(view, album.Failure?.Detail, album.Attempt?.At, MailsOf(album), version);
            await Task.Delay(ShortestPause, clock, cancellationToken);
            while (!await store.WaitForEventAsync($"{Album.Category}-{albumId}", version, LongestPause, cancellationToken) && view.IsFinal)
            {
            }
        }
    }

    public Task<AlbumFilePage> FilesAsync(Guid albumId, AlbumFileSearch search, CancellationToken cancellationToken) =>
        files.FindAsync(albumId, search, cancellationToken);

    public async Task<AlbumEventPage> EventsAsync(Guid albumId, AlbumEventSearch search, CancellationToken cancellationToken)
    {
        var page = await store
            .ReadBackwardAsync($"{Album.Category}-{albumId}", (search.Before ?? long.MaxValue) - 1, cancellationToken)
            .Where(e => search.Types is not { Count: > 0 } types || types.Contains(e.Type))
            .Take(EventsPerPage + 1)
            .Select(e => new AlbumEventRow(e.Version, e.Type, e.RecordedAt, JsonOf(e.Payload), e.Metadata.By))
            .ToListAsync(cancellationToken);
        return page.Count > EventsPerPage
            ? new AlbumEventPage(page[..EventsPerPage], page[EventsPerPage - 1].Version)
            : new AlbumEventPage(page, Before: null);
    }

    public Task ReplayAsync(Guid albumId, string by, CancellationToken cancellationToken) =>
        DecideAsync(albumId, album => ReplayAlbumHandler.Decide(album, new ReplayAlbum(albumId, by), clock.GetUtcNow()), cancellationToken);

    public Task SkipFileAsync(Guid albumId, int index, string by, CancellationToken cancellationToken) =>
        skip.RunAsync(new SkipFile(albumId, index, by), cancellationToken);

    public Task CancelAsync(Guid albumId, string by, CancellationToken cancellationToken) =>
        DecideAsync(albumId, album => CancelAlbumHandler.Decide(album, new CancelAlbum(albumId, by), clock.GetUtcNow()), cancellationToken);

    public Task DeleteAsync(Guid albumId, string by, CancellationToken cancellationToken) =>
        DecideAsync(albumId, album => DeleteAlbumHandler.Decide(album, new DeleteAlbum(albumId, by), clock.GetUtcNow()), cancellationToken);

    public Task ResendLinkAsync(Guid albumId, string by, CancellationToken cancellationToken) =>
        DecideAsync(albumId, album => ResendAlbumLinkHandler.Decide(album, new ResendAlbumLink(albumId, by), clock.GetUtcNow()), cancellationToken);

    public async Task<string> IssueLinkAsync(Guid albumId, string @for, CancellationToken cancellationToken) =>
        $"/v1/albums/{albumId}/download/{await AlbumLinks.IssueAsync(store, albumId, @for, cancellationToken)}";

    public Task<BulkView> StartBulkAsync(BulkKind kind, AlbumSearch search, string by, CancellationToken cancellationToken) =>
        bulk.StartAsync(kind, search, by, cancellationToken);

    public IAsyncEnumerable<BulkView> WatchBulkAsync(Guid bulkId, CancellationToken cancellationToken) => bulk.WatchAsync(bulkId, cancellationToken);

    public Task<BulkView> AbortBulkAsync(Guid bulkId, string by, CancellationToken cancellationToken) => bulk.AbortAsync(bulkId, by, cancellationToken);

    private static AlbumMailCounts MailsOf(Album album) =>
        new(album.Request!.Emails.Count, album.LinksSent.Count, album.MailsFailed.Count(failed => failed.Mail == AlbumMails.Link));

    private Task DecideAsync(Guid albumId, Func<Album, IReadOnlyList<IAlbumEvent>> decide, CancellationToken cancellationToken) =>
        store.DecideAsync(albumId, decide, cancellationToken);

    private static string JsonOf(object payload)
    {
        var shown = AlbumLog.WithoutSecrets(payload);
        var json = JsonSerializer.Serialize(shown, shown.GetType(), Readable);
        return json.Length <= MostDetailsChars ? json : $"{json[..MostDetailsChars]}…";
    }
}
