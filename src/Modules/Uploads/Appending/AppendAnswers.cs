using Microsoft.AspNetCore.Http;
using Platform.Events;

namespace Uploads;

/// <summary>What answers to appends have in common.</summary>
internal static class AppendAnswers
{
    /// <summary>Runs a request. One that a newer request took over ends without an answer: its client has gone, as far as anybody can tell.</summary>
    public static async Task RunAsync(HttpContext context, Func<Task> answer)
    {
        try
        {
            await answer();
        }
        catch (AppendInterruptedException)
        {
            context.Abort();
        }
        catch (CommandRefusedException refusal) when (refusal.Members.TryGetValue(AppendErrors.ExpectedOffset, out var offset))
        {
            // Problems are written after all headers were dropped.
            context.Response.OnStarting(() =>
            {
                context.Response.Headers["Upload-Offset"] = $"{offset}";
                return Task.CompletedTask;
            });
            throw;
        }
    }

    public static CommandRefusedException UnsupportedMediaType(string expected) =>
        new("UNSUPPORTED_MEDIA_TYPE", $"The body must be of type {expected}.");
}
