using Platform.Events;
using Platform.Settings;

namespace Uploads;

/// <summary>Begins an upload that is appended to. Each call begins another one.</summary>
/// <param name="SizeBytes"><see langword="null"/> where the length is deferred.</param>
/// <param name="Terms">Those of the protocol; the handler fills in what follows from settings.</param>
internal sealed record CreateUpload(
    string? FileName, string? ContentType, long? SizeBytes, string? UserRole, string? UserId, string? WeddingId, AppendTerms Terms);

internal sealed class CreateUploadHandler(InitiateUploadHandler initiate, ThisNode node, LiveSettings<UploadSettings> settings, TimeProvider clock)
{
    /// <summary>Where the pieces of a concatenation lie: no file of a wedding is under it.</summary>
    private const string Partials = "partial";

    /// <exception cref="CommandRefusedException">A rule for new uploads says no.</exception>
    public async Task<Upload> CreateAsync(CreateUpload command, long leastPartSizeBytes, CancellationToken cancellationToken)
    {
        var current = settings.Current;
        var most = current.LimitsFor(command.UserRole, isProxied: false).MaxSizeBytes;
        var plan = PartPlan.ForAppends(command.SizeBytes, most, leastPartSizeBytes);
        var terms = command.Terms with { Node = node.Name, MaxSizeBytes = most, IsLengthDeferred = command.SizeBytes is null };
        var session = Plan(command, plan, Guid.CreateVersion7(), current, clock.GetUtcNow()) with { Append = terms };
        return Upload.Evolve(Upload.Initial, await initiate.BeginAsync(session, [], cancellationToken));
    }

    // A piece has no name, type or owner of its own: what it becomes part of has them.
    private static UploadInitiated Plan(CreateUpload command, PartPlan plan, Guid id, UploadSettings settings, DateTimeOffset now) =>
        command.Terms.IsPartial
            ? new UploadInitiated(
                id, $"{Partials}/{id:N}", null, Partials, "application/octet-stream", plan.SizeBytes, plan.ChunkSizeBytes, "", "", null, now, now + settings.Lifetime)
            : InitiateUploadHandler.Plan(
                new InitiateUpload(command.FileName, command.ContentType, command.SizeBytes, command.UserRole, command.UserId, command.WeddingId),
                () => plan, id, settings, now);
}
