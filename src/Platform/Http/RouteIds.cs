using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Platform.Events;

namespace Platform.Http;

public static class RouteIds
{
    /// <summary>
    /// Where a path of the group has something that is no id, it is refused as an id that nobody knows is: with a code, and without telling what ids
    /// look like. Who may not call at all is turned away before.
    /// </summary>
    /// <param name="parameter">Of the paths; those without it are left alone.</param>
    /// <param name="notFound">The code.</param>
    public static TBuilder RefuseMalformedIds<TBuilder>(this TBuilder group, string parameter, string notFound)
        where TBuilder : IEndpointConventionBuilder
    {
        group.Finally(endpoint =>
        {
            if (endpoint is RouteEndpointBuilder { RequestDelegate: { } answer } route && route.RoutePattern.GetParameter(parameter) is not null)
            {
                route.RequestDelegate = context => Guid.TryParse(context.Request.RouteValues[parameter] as string, out _)
                    ? answer(context)
                    : throw new CommandRefusedException(notFound, "There is nothing of that id.");
            }
        });
        return group;
    }
}
