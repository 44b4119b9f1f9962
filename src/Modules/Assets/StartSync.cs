using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Platform.Costs;
using Platform.Events;
using Platform.Settings;

namespace Assets;

/// <summary>
/// Begins to bring an environment to these files. Safe to repeat: the same files go on with the sync that is under way. Other files supersede
/// it, so a sync whose build server died is in nobody's way.
/// </summary>
/// <param name="Delete">Whether files that are served but not among these go. Otherwise they stay.</param>
/// <param name="DryRun">Only says what there would be to do.</param>
/// <param name="AllowMassRemoval">Also where most files would go.</param>
internal sealed record StartSync(
    string? Environment, IReadOnlyList<AssetFile> Files, bool Delete = false, bool DryRun = false, bool AllowMassRemoval = false);

/// <param name="SyncId"><see langword="null"/> where there is nothing to do, or nothing was to be done.</param>
/// <param name="Release">The one that is served already, where it has exactly these files.</param>
/// <param name="Missing">Names of the objects that the store needs before the release can be.</param>
internal sealed record SyncPlan(
    Guid? SyncId,
    int? Release,
    string ManifestHash,
    int Files,
    long SizeBytes,
    int UnchangedFiles,
    int RemovedFiles,
    long MissingBytes,
    IReadOnlyList<string> Missing,
    SyncCost Cost);

internal sealed class StartSyncHandler(
    EventStore store, SiteObjects objects, ObjectIndex index, LiveSettings<CostSettings> costs, TimeProvider clock)
{
    // 300,000 files of 150 bytes each, and some.
    private const int MostRequestBytes = 128 << 20;

    // Fewer than this may always go; of more, at most half. A build that failed half way should not empty a site.
    private const int FewRemovals = 100;

    /// <summary>
    /// <c>POST /v1/sites/{site}/syncs</c>. 200 with the plan; 400 <c>INVALID_MANIFEST</c>; 404 <c>SITE_NOT_FOUND</c>,
    /// <c>ENVIRONMENT_NOT_FOUND</c>; 409 <c>TOO_MANY_REMOVALS</c>, <c>FILES_NOT_GIVEN</c>; 413 <c>SITE_FILE_TOO_LARGE</c>.
    /// </summary>
    internal static void Map(RouteGroupBuilder sites) => sites
        .MapPost(
            "/{site}/syncs",
            async Task<Ok<SyncPlan>> (string site, StartSync command, StartSyncHandler handler, CancellationToken cancellationToken) =>
                TypedResults.Ok(await handler.StartAsync(site, command, cancellationToken)))
        .WithMetadata(new RequestSizeLimitAttribute(MostRequestBytes));

    /// <summary>The same files again go on with the sync that is under way.</summary>
    internal static IReadOnlyList<ISiteEvent> Decide(Site site, SyncStarted sync) =>
        site.Syncs.GetValueOrDefault(sync.Environment) is { } underWay && (underWay.ManifestHash, underWay.Prefix) == (sync.ManifestHash, sync.Prefix)
            ? []
            : [sync];

    private async Task<SyncPlan> StartAsync(string siteName, StartSync command, CancellationToken cancellationToken)
    {
        var site = (await store.FoldAsync<Site, ISiteEvent>(siteName, cancellationToken)).State;
        var environment = site.EnvironmentOf(siteName, command.Environment);
        var active = site.Active.GetValueOrDefault(environment.Name);
        var served = active is null ? ReleaseManifest.Empty : await objects.ReadAsync(siteName, active.ManifestHash, cancellationToken);
        var given = ReleaseManifest.Of(command.Files);
        var wanted = command.Delete ? given : given.With(served);
        var removed = served.Files.Count(file => !wanted.ByPath.ContainsKey(file.Path));
        if (removed > Math.Max(FewRemovals, served.Files.Count / 2) && !command.AllowMassRemoval)
        {
            throw new CommandRefusedException(
                "TOO_MANY_REMOVALS", $"{removed} of {served.Files.Count} files would go. Where that is meant, allow it.");
        }

        var missing = await index.MissingAsync(SiteObjects.AreaOf(siteName, environment.Prefix), [.. wanted.Objects.Keys], cancellationToken);
        if (missing.Count(name => !given.Objects.ContainsKey(name)) is > 0 and var lost)
        {
            throw new CommandRefusedException(
                "FILES_NOT_GIVEN", $"{lost} files that stay are not in the store, or not under this prefix. Bring them too, or let them go.");
        }

        var isServed = active?.ManifestHash == wanted.Hash && missing.Count == 0 && site.Releases[active.Release].Prefix == environment.Prefix;
        var plan = new SyncPlan(
            SyncId: null,
            isServed ? active!.Release : null,
            wanted.Hash,
            wanted.Files.Count,
            wanted.SizeBytes,
            wanted.Files.Count(file => served.ByPath.GetValueOrDefault(file.Path)?.Sha256 == file.Sha256),
            removed,
            missing.Sum(name => wanted.Objects[name].SizeBytes),
            missing,
            SyncCost.Of(costs.Current.Sheet, missing.Count, missing.Sum(name => wanted.Objects[name].SizeBytes)));
        return isServed || command.DryRun
            ? plan
            : plan with { SyncId = await RecordAsync(siteName, environment, wanted, plan, cancellationToken) };
    }

    // The manifest first: whoever finds the event finds the manifest.
    private async Task<Guid> RecordAsync(
        string site, SiteEnvironment environment, ReleaseManifest wanted, SyncPlan plan, CancellationToken cancellationToken)
    {
        await objects.WriteAsync(site, wanted, cancellationToken);
        var sync = new SyncStarted(
            Guid.CreateVersion7(),
            environment.Name,
            plan.ManifestHash,
            plan.Files,
            plan.SizeBytes,
            plan.UnchangedFiles,
            plan.RemovedFiles,
            plan.Missing.Count,
            plan.MissingBytes,
            clock.GetUtcNow())
        { Prefix = environment.Prefix };
        var started = await store.DecideAsync<Site, ISiteEvent>(site, state => Decide(state, sync), cancellationToken);
        return started.State.Syncs[environment.Name].SyncId;
    }
}
